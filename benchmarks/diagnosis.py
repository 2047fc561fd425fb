"""What diagnosis costs: a phase of training with and without it, in turns.

    python benchmarks/diagnosis.py [--pairs 5] [--json]

Both train the same net from the same weights on the same samples for the same epochs; preparing and tracing the loop
counts. The two alternate, the first to go changing with each pair, and the ratio is taken pair by pair. Time is the
process's own (of all its threads), which other work on the machine disturbs least; wall-clock time stands beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from figure import Figure, table  # noqa: E402

from transfer.data.target import Target  # noqa: E402
from transfer.features import Features  # noqa: E402
from transfer.fitting.fit import fit  # noqa: E402
from transfer.plan.hyperparameters import Training  # noqa: E402

LIMIT = 1.1
TEN = Target("class", tuple("abcdefghij"))


def dense() -> Any:
    """A top of one hidden layer on cached features of 300 numbers."""
    x = keras.Input((300,))
    return keras.Model(x, keras.layers.Dense(10)(keras.layers.Dense(100, "relu")(x)))


def deep() -> Any:
    """Twenty narrow layers, in which measuring is as large a part of the work as it gets."""
    x = tensor = keras.Input((40,))
    for _ in range(20):
        tensor = keras.layers.Dense(30, "relu", kernel_initializer="he_normal")(tensor)
    return keras.Model(x, keras.layers.Dense(10)(tensor))


def convolutional() -> Any:
    """Two convolutions on images of 28x28."""
    layers = keras.layers
    x = keras.Input((28, 28, 1))
    tensor = layers.MaxPooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    tensor = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, activation="relu")(tensor))
    return keras.Model(x, layers.Dense(10)(tensor))


# Net, samples, epochs.
CASES: dict[str, tuple[Callable[[], Any], int, int]] = {
    "dense, 5000 samples, 20 epochs": (dense, 5000, 20),
    "dense, 500 samples, 30 epochs": (dense, 500, 30),
    "20 layers, 1000 samples, 20 epochs": (deep, 1000, 20),
    "convolutional, 1000 samples, 5 epochs": (convolutional, 1000, 5),
}


def samples(shape: tuple[int, ...], n: int, seed: int) -> dict[str, Features]:
    """Draw points around ten centres."""
    draws = np.random.default_rng(seed)
    centres = draws.normal(size=(10, *shape))

    def drawn(many: int) -> Features:
        y = draws.integers(10, size=many)
        return Features(((centres[y] + 2 * draws.normal(size=(many, *shape))).astype(np.float32),), y)

    return {"train": drawn(n), "valid": drawn(max(100, n // 5))}


def seconds(make: Callable[[], Any], n: int, epochs: int, seed: int, *, diagnose: bool) -> tuple[float, float]:
    """Train once; return the process's and the wall clock's seconds."""
    keras.utils.set_random_seed(seed)
    model = make()
    given = samples(tuple(model.input_shape[1:]), n, seed)
    how = Training(epochs=epochs, patience=epochs, diagnose=diagnose)
    start = time.process_time(), time.perf_counter()
    fit(model, given, how, TEN, lr=1e-3, seed=seed)
    return time.process_time() - start[0], time.perf_counter() - start[1]


def measure(name: str, pairs: int) -> dict[str, Any]:
    """Alternate the two, a seed a pair."""
    make, n, epochs = CASES[name]
    seconds(make, n, 1, pairs, diagnose=True)
    rows = []
    for seed in range(pairs):
        order = (True, False) if seed % 2 else (False, True)
        spent = {diagnose: seconds(make, n, epochs, seed, diagnose=diagnose) for diagnose in order}
        (cpu, wall), (cpu_without, wall_without) = spent[True], spent[False]
        rows.append({
            "seed": seed, "seconds": cpu, "seconds_without": cpu_without, "ratio": cpu / cpu_without,
            "wall_ratio": wall / wall_without,
        })  # fmt: skip
    medians = {key: statistics.median(row[key] for row in rows) for key in ("ratio", "wall_ratio")}
    return {"case": name, "rows": rows, **medians}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = [measure(name, arguments.pairs) for name in CASES]
    figures = [
        Figure(
            f"watch {case['case']}", "without the watch", tuple(row["ratio"] for row in case["rows"]),
            statistics.median(row["seconds"] for row in case["rows"]), LIMIT, most=True,
            unit="times the processor's time",
        )
        for case in found
    ]  # fmt: skip
    if arguments.json:
        print(json.dumps({"figures": [one.row for one in figures], "cases": found}, indent=2))
        return
    print(table(figures))
    for case in found:
        print(f"{case['case']}: by the wall clock {case['wall_ratio']:.3f}")


if __name__ == "__main__":
    main()
