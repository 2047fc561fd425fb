"""What the diagnosis says of nets that are ill by design, and of healthy ones of many kinds.

    python benchmarks/diagnosis_nets.py [--seeds 3] [--json]

None of these nets was looked at when the thresholds were chosen (`transfer/gradients.py`, `transfer/diagnosis.py`). An
ill net is right if a kind of trouble that is expected is said, of the expected layer; a healthy one if nothing is said.
All train on points around ten centres, of 40 numbers or as images of 16x16x3, or on sequences of 12 words.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from transfer.data.target import Target  # noqa: E402
from transfer.diagnosis import findings  # noqa: E402
from transfer.features import Features  # noqa: E402
from transfer.fitting.fit import fit  # noqa: E402
from transfer.fitting.fitted import DivergenceError  # noqa: E402
from transfer.plan.hyperparameters import Training  # noqa: E402

TEN = Target("class", tuple("abcdefghij"))
WORDS = 1000
layers = keras.layers


@dataclass(frozen=True)
class Case:
    """A net, how it is trained, and what is to be said of it: kinds of which one will do, and the layer; or nothing."""

    name: str
    make: Callable[[], Any]
    kinds: tuple[str, ...] = ()
    layer: str = ""
    lr: float = 1e-3
    optimizer: str = "adam"


@dataclass(frozen=True)
class Row:
    """What was said of one net with one seed."""

    name: str
    seed: int
    expected: str
    said: tuple[str, ...]
    right: bool
    accuracy: float


def dense(depth: int, width: int, activation: Any, init: Any = "glorot_uniform", **bias: float) -> Any:
    """A dense net; `bias` of some layers, by name."""
    x = tensor = keras.Input((40,), name="X")
    for number in range(1, depth + 1):
        name = f"h{number}"
        start = keras.initializers.Constant(bias.get(name, 0.0))
        tensor = layers.Dense(width, activation, name=name, kernel_initializer=init, bias_initializer=start)(tensor)
    return keras.Model(x, layers.Dense(10, name="out")(tensor))


def scaled(model: Any, name: str, factor: float) -> Any:
    """Plant large weights in a layer."""
    kernel = model.get_layer(name).kernel
    kernel.assign(kernel * factor)
    return model


def conv(depth: int, activation: str = "relu", norm: bool = False, bias: float = 0.0) -> Any:
    """Convolutions in pairs with pooling."""
    x = tensor = keras.Input((16, 16, 3), name="X")
    for number in range(1, depth + 1):
        start = keras.initializers.Constant(bias if number == depth else 0.0)
        tensor = layers.Conv2D(
            12, 3, padding="same", name=f"c{number}", kernel_initializer="he_normal", bias_initializer=start,
            activation=None if norm else activation,
        )(tensor)  # fmt: skip
        if norm:
            tensor = layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(tensor))
        tensor = layers.MaxPooling2D()(tensor) if number % 2 == 0 and number < 5 else tensor
    return keras.Model(x, layers.Dense(10, name="out")(layers.GlobalAveragePooling2D()(tensor)))


def residual(blocks: int) -> Any:
    """Dense residual blocks before normalisation."""
    x = keras.Input((40,), name="X")
    tensor = layers.Dense(32, name="stem")(x)
    for number in range(blocks):
        inner = layers.Dense(32, "relu", name=f"b{number}a", kernel_initializer="he_normal")(
            layers.LayerNormalization()(tensor)
        )
        tensor = layers.Add()([tensor, layers.Dense(32, name=f"b{number}b")(inner)])
    return keras.Model(x, layers.Dense(10, name="out")(layers.LayerNormalization()(tensor)))


def separable() -> Any:
    """Depthwise separable convolutions with ReLU6."""
    x = tensor = keras.Input((16, 16, 3), name="X")
    for number in range(4):
        tensor = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"d{number}")(tensor)
        tensor = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(tensor))
        tensor = layers.Conv2D(24, 1, use_bias=False, name=f"p{number}")(tensor)
        tensor = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(tensor))
    return keras.Model(x, layers.Dense(10, name="out")(layers.GlobalAveragePooling2D()(tensor)))


def words(kind: str) -> Any:
    """A net that reads words: their mean, an LSTM, or one block of attention."""
    x = keras.Input((12,), dtype="int32", name="X")
    tensor = layers.Embedding(WORDS, 24, name="words")(x)
    if kind == "lstm":
        tensor = layers.LSTM(24, name="lstm")(tensor)
    elif kind == "attention":
        tensor = layers.Add()([tensor, layers.MultiHeadAttention(2, 12, name="mha")(tensor, tensor)])
        inner = layers.Dense(24, name="down")(layers.Dense(48, "gelu", name="up")(layers.LayerNormalization()(tensor)))
        tensor = layers.GlobalAveragePooling1D()(layers.Add()([tensor, inner]))
    else:
        tensor = layers.Dense(24, "relu", name="h1")(layers.GlobalAveragePooling1D()(tensor))
    return keras.Model(x, layers.Dense(10, name="out")(tensor))


def normal(deviation: float) -> Any:
    """Normal weights of a deviation, drawn anew for each layer."""
    return keras.initializers.RandomNormal(stddev=deviation)


CASES = (
    Case("relu 8x64, he", lambda: dense(8, 64, "relu", "he_normal")),
    Case("relu 12x48, he", lambda: dense(12, 48, "relu", "he_normal")),
    Case("gelu 6x50", lambda: dense(6, 50, "gelu")),
    Case("selu 12x40, lecun", lambda: dense(12, 40, "selu", "lecun_normal")),
    Case("swish 5x80", lambda: dense(5, 80, "swish", "he_normal")),
    Case("tanh 8x60", lambda: dense(8, 60, "tanh")),
    Case("leaky relu 10x30", lambda: dense(10, 30, "leaky_relu", "he_normal")),
    Case("sigmoid 2x200", lambda: dense(2, 200, "sigmoid")),
    Case("linear 4x20", lambda: dense(4, 20, None)),
    Case("conv 6", lambda: conv(6)),
    Case("conv 5, sigmoid, normalised", lambda: conv(5, "sigmoid", norm=True)),
    Case("conv 4, elu, sgd", lambda: conv(4, "elu"), lr=0.01, optimizer="momentum"),
    Case("residual, 10 blocks", lambda: residual(10)),
    Case("separable, relu6", separable),
    Case("words, mean", lambda: words("mean")),
    Case("words, lstm", lambda: words("lstm")),
    Case("words, attention", lambda: words("attention")),
    Case("sigmoid 8x50", lambda: dense(8, 50, "sigmoid"), ("vanishing",), "h1"),
    Case("sigmoid 12x20, N(0, 1)", lambda: dense(12, 20, "sigmoid", normal(1.0)), ("vanishing", "saturated")),
    Case("sigmoid 20x30, N(0, 1)", lambda: dense(20, 30, "sigmoid", normal(1.0)), ("vanishing", "saturated")),
    Case("sigmoid 20x60, N(0, 1)", lambda: dense(20, 60, "sigmoid", normal(1.0)), ("vanishing", "saturated")),
    Case("sigmoid 30x40, N(0, 0.5)", lambda: dense(30, 40, "sigmoid", normal(0.5)), ("vanishing",), "h1"),
    Case("tanh 15x40, N(0, 0.03)", lambda: dense(15, 40, "tanh", normal(0.03)), ("vanishing",), "h1"),
    Case("tanh 6x80, N(0, 2)", lambda: dense(6, 80, "tanh", normal(2.0)), ("saturated",)),
    Case("conv 8, sigmoid", lambda: conv(8, "sigmoid"), ("vanishing",), "c1"),
    Case("relu 8x40, N(0, 1)", lambda: dense(8, 40, "relu", normal(1.0)), ("exploding",)),
    *(Case(f"elu 6x50, weights of {name} times 3000",
           lambda name=name: scaled(dense(6, 50, "elu", "he_normal"), name, 3000.0), ("exploding",), name)
      for name in ("h1", "h3", "h6")),
    Case("conv 4, weights of c3 times 10000", lambda: scaled(conv(4), "c3", 1e4), ("exploding",), "c3"),
    Case("relu 5x60, sgd at 1000", lambda: dense(5, 60, "relu", "he_normal"), ("exploding",), lr=1e3, optimizer="sgd"),
    Case("relu 6x40, bias of h4 -30", lambda: dense(6, 40, "relu", "he_normal", h4=-30.0), ("dead",), "h4"),
    Case("conv 4, bias of c4 -30", lambda: conv(4, bias=-30.0), ("dead",), "c4"),
    Case("relu 4x64, adam at 3", lambda: dense(4, 64, "relu", "he_normal"), ("dead", "large_update"), lr=3.0),
)  # fmt: skip


def samples(shape: tuple[int, ...], whole: bool, seed: int) -> dict[str, Features]:
    """Draw points around ten centres, standardised; or words, of which each class has its own."""
    draws = np.random.default_rng(seed)
    centres = draws.normal(size=(10, *shape))

    def drawn(many: int) -> Features:
        y = draws.integers(10, size=many)
        if whole:
            x = (y[:, None] * 40 + draws.integers(160, size=(many, *shape))) % WORDS
            return Features((x.astype(np.int32),), y)
        x = (centres[y] + 2 * draws.normal(size=(many, *shape))) / math.sqrt(5)
        return Features((x.astype(np.float32),), y)

    return {"train": drawn(600), "valid": drawn(150)}


def judge(case: Case, seed: int) -> Row:
    """Train a net and compare what is said of it with what is to be said."""
    keras.utils.set_random_seed(seed)
    model = case.make()
    given = samples(tuple(model.input_shape[1:]), model.inputs[0].dtype == "int32", seed)
    how = Training(epochs=10, patience=10, batch_size=50, optimizer=case.optimizer)
    try:
        fitted = fit(model, given, how, TEN, lr=case.lr, seed=seed)
    except DivergenceError as error:
        fitted = error.fitted
    found = findings(fitted.epochs)
    right = any(one.kind in case.kinds and case.layer in ("", one.layer) for one in found) if case.kinds else not found
    said = tuple(f"{one.kind} {one.layer}".strip() for one in found)
    expected = f"{' or '.join(case.kinds)} {case.layer}".strip() or "nothing"
    return Row(case.name, seed, expected, said, right, fitted.epochs[fitted.best].valid_accuracy)


def main() -> None:
    """Judge all nets and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [judge(case, seed) for case in CASES for seed in range(arguments.seeds)]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        mark = "  " if row.right else "! "
        print(f"{mark}{row.name}, seed {row.seed}: {', '.join(row.said) or 'nothing'} (expected: {row.expected})")
    for wanted, what in ((True, "healthy"), (False, "ill")):
        of = [row for row in rows if (row.expected == "nothing") == wanted]
        print(f"{what}: {sum(row.right for row in of)} of {len(of)} right, seeds 0 to {arguments.seeds - 1}")


if __name__ == "__main__":
    main()
