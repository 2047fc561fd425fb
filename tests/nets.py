"""Random small Keras models for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WIDTH = 5
VOCABULARY = 7


@st.composite
def specs(draw: st.DrawFn) -> list[tuple[str, tuple[int, ...]]]:
    """Draw layers as (kind, positions of what they read); position 0 is the input."""
    made = []
    for number in range(1, draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(["dense", "dense", "batch_norm", "dropout", "add", "leaky"]))
        reads = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=2, unique=True))
        made.append((kind, tuple(reads) if kind == "add" and len(reads) == 2 else (number - 1,)))
    return made


def build(spec: list[tuple[str, tuple[int, ...]]], outputs: int = 3) -> Any:
    """Make the model: layers `l1`, `l2`, … of one width, then `outputs`; the same weights each time."""
    import keras

    keras.utils.set_random_seed(0)
    tensors = [keras.Input((WIDTH,), name="X")]
    for number, (kind, reads) in enumerate(spec, start=1):
        name = f"block>l{number}"
        if kind == "add" and len(reads) == 2:
            tensors.append(keras.layers.Add(name=name)([tensors[place] for place in reads]))
            continue
        layer = {
            "dense": lambda name: keras.layers.Dense(WIDTH, "elu", name=name),
            "batch_norm": lambda name: keras.layers.BatchNormalization(name=name, momentum=0.5),
            "dropout": lambda name: keras.layers.Dropout(0.4, name=name, seed=3),
            "noise": lambda name: keras.layers.GaussianNoise(0.4, name=name, seed=3),
            "leaky": lambda name: keras.layers.LeakyReLU(0.1, name=name),
            "add": lambda name: keras.layers.Activation("tanh", name=name),
        }[kind](name)
        tensors.append(layer(tensors[reads[0]]))
    return keras.Model(tensors[0], keras.layers.Dense(outputs, name="outputs")(tensors[-1]))


@st.composite
def joined_specs(draw: st.DrawFn) -> list[tuple[str, tuple[int, ...]]]:
    """Draw layers above three tensors of one width: inputs 0 and 1, and the embedding of the input `tokens`, 2."""
    made: list[tuple[str, tuple[int, ...]]] = []
    count = 3
    for _ in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(["dense", "batch_norm", "leaky", "shared", "add", "add", "lstm"]))
        several = 2 if kind == "add" else 1
        made.append((kind, tuple(draw(st.lists(st.integers(0, count - 1), min_size=several, max_size=several)))))
        count += 2 if kind == "lstm" else 1
    return made


def build_joined(spec: list[tuple[str, tuple[int, ...]]], outputs: tuple[int, ...] = (3,)) -> Any:
    """Make the model of three inputs `a`, `b` and `tokens`, all of which its outputs depend on."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    a, b = keras.Input((WIDTH,), name="a"), keras.Input((WIDTH,), name="b")
    tokens = keras.Input((1,), name="tokens", dtype="int32")
    embedded = layers.Flatten(name="flat")(layers.Embedding(VOCABULARY, WIDTH, name="embedding")(tokens))
    tensors = [a, b, embedded]
    shared = layers.Dense(WIDTH, "tanh", name="shared")
    for number, (kind, reads) in enumerate(spec, start=1):
        name, first = f"block>l{number}", tensors[reads[0]]
        if kind == "add":
            tensors.append(layers.Add(name=name)([tensors[place] for place in reads]))
        elif kind == "shared":
            tensors.append(shared(first))
        elif kind == "lstm":
            series = layers.Reshape((WIDTH, 1), name=f"{name}>series")(first)
            tensors += layers.LSTM(WIDTH, return_state=True, name=name)(series)[1:]
        else:
            layer = {"dense": layers.Dense(WIDTH, "elu", name=name), "leaky": layers.LeakyReLU(0.1, name=name),
                     "batch_norm": layers.BatchNormalization(name=name)}[kind]  # fmt: skip
            tensors.append(layer(first))
    whole = layers.Concatenate(name="whole")(tensors)
    heads = [layers.Dense(size, name=f"head{number}")(whole) for number, size in enumerate(outputs)]
    return keras.Model([a, b, tokens], heads if len(heads) > 1 else heads[0])
