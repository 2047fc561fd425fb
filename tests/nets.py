"""Random small Keras models for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WIDTH = 5


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
            "leaky": lambda name: keras.layers.LeakyReLU(0.1, name=name),
            "add": lambda name: keras.layers.Activation("tanh", name=name),
        }[kind](name)
        tensors.append(layer(tensors[reads[0]]))
    return keras.Model(tensors[0], keras.layers.Dense(outputs, name="outputs")(tensors[-1]))
