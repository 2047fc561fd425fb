"""A whole transfer against Keras: from files to a tested and saved model, compilation included, after imports.

    python benchmarks/transfer_vs_keras.py [--pairs 5] [--naive 1] [--only mnist-dnn,mobilenet-v2] [--json]

Two tasks. `mnist-dnn`: the shipped net and its 500 labelled digits, three layers frozen, three new ones, 40 epochs.
`mobilenet-v2`: 5,000 images of 96x96 (4,000 train), all but the outputs frozen, 20 epochs. So that nothing has to be
downloaded, that net's weights are random, and its normalisation has the images' statistics; the images are drawn: two
colours of their class, more or less, which such a net tells apart.

Two rivals, as their users write them: `fit` through the whole model whose frozen part runs in inference mode; and
`predict` with the frozen part first, then `fit` of the new one on its outputs. All begin with the model and the data in
files, and end with the best epoch's model tested and saved; all take the same epochs, batch size, learning rate,
dropout. They alternate, a seed a pair; ratios are of pairs. On the large task naive Keras takes minutes, so it runs in
the first `--naive` pairs only. Accuracies are of the test samples: mean and deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from figure import Figure, table

from zoo.starting import own_process, start_tensorflow

own_process()  # as a command does; it is good for Keras too
start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from images import mobilenet, two_colours  # noqa: E402

from registry.card import Preprocessing  # noqa: E402
from registry.shelf import Shelf  # noqa: E402
from registry.spot import Spot  # noqa: E402
from transfer.draft import draft  # noqa: E402
from zoo import api  # noqa: E402

BATCH, RATE, DROPOUT = 50, 1e-3, 0.3  # the defaults of `zoo transfer`
SIDE, IMAGES = 96, {"train": 4000, "valid": 500, "test": 500}
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Task:
    """A transfer.

    Attributes:
        model: in the catalogue.
        reuse: the regex of what is kept, all of it frozen.
        cut: the highest of these layers.
        widths: of the new hidden layers.
        classes: how many outputs.
        epochs: that all train.
        keras: the same model for the rivals, as a `.keras` file.
        data: an `.npz` with the splits, as the model takes them.
        source: what our command calls the data; None for the model's own.
        wanted: how many times as fast as naive Keras is to be reached.
    """

    model: str
    reuse: str
    cut: str
    widths: tuple[int, ...]
    classes: int
    epochs: int
    keras: Path
    data: Path
    source: str | None
    wanted: float

    def ours(self, seed: int) -> float:
        """Carry the transfer out with an empty cache; return the test accuracy."""
        shutil.rmtree(Shelf().home.cache, ignore_errors=True)
        run = api.transfer(
            self.model, self.source, reuse=self.reuse, unfreeze="none", compare_scratch=False, seed=seed,
            epochs=self.epochs, patience=self.epochs, batch_size=BATCH, lr=RATE, dropout=DROPOUT,
        )  # fmt: skip
        if sum(phase.epochs for phase in run.result.phases) != self.epochs:
            raise SystemExit(f"{run.folder.id} took other than {self.epochs} epochs")
        return float(run.result.accuracy)

    def naive(self, seed: int) -> float:
        """`fit` through the whole model."""
        x, y, base = self._begin(seed)
        inputs = keras.Input(base.input_shape[1:])
        model = keras.Model(inputs, self._top(base(inputs, training=False)))
        return self._trained(model, x, y, model)

    def by_features(self, seed: int) -> float:
        """`predict` with the frozen part, then `fit` of the top on its outputs."""
        x, y, base = self._begin(seed)
        features = {name: base.predict(array, verbose=0) for name, array in x.items()}
        inputs = keras.Input(base.output_shape[1:])
        top = keras.Model(inputs, self._top(inputs))
        image = keras.Input(base.input_shape[1:])
        return self._trained(top, features, y, keras.Model(image, top(base(image, training=False))))

    def _begin(self, seed: int) -> tuple[Arrays, Arrays, Any]:
        keras.utils.set_random_seed(seed)
        with np.load(self.data) as file:
            x, y = ({name: file[f"{side}_{name}"] for name in IMAGES} for side in "xy")
        whole = keras.models.load_model(self.keras, compile=False)
        base = keras.Model(whole.inputs, whole.get_layer(self.cut).output)
        base.trainable = False
        return x, y, base

    def _top(self, tensor: Any) -> Any:
        for width in self.widths:
            tensor = keras.layers.Dropout(DROPOUT)(tensor)
            tensor = keras.layers.Dense(width, "elu", kernel_initializer="he_normal")(tensor)
        return keras.layers.Dense(self.classes)(keras.layers.Dropout(DROPOUT)(tensor))

    def _trained(self, model: Any, x: Arrays, y: Arrays, whole: Any) -> float:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])
        best = keras.callbacks.EarlyStopping(patience=self.epochs, restore_best_weights=True)
        model.fit(
            x["train"], y["train"], batch_size=BATCH, epochs=self.epochs, validation_data=(x["valid"], y["valid"]),
            callbacks=[best], verbose=0,
        )  # fmt: skip
        accuracy = model.evaluate(x["test"], y["test"], verbose=0)[1]
        whole.save(self.keras.with_name("trained.keras"))
        return float(accuracy)


@dataclass
class Measured:
    """The seconds, processor seconds and accuracies of one way to do a task, by seed."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)

    def add(self, work: Callable[[int], float], seed: int) -> None:
        """Do it once more."""
        start, busy = time.perf_counter(), time.process_time()
        accuracy = work(seed)
        self.seconds.append(time.perf_counter() - start)
        self.processor.append(time.process_time() - busy)
        self.accuracies.append(accuracy)

    def __str__(self) -> str:
        if not self.seconds:
            return "not run"
        spread = f" ± {statistics.stdev(self.accuracies):.4f}" if len(self.accuracies) > 1 else ""
        busy = f"{statistics.median(self.processor):.1f} s of processor time"
        return f"{statistics.fmean(self.accuracies):.4f}{spread} ({len(self.accuracies)} seeds; {busy})"


def measure(task: Task, pairs: int, naive: int) -> dict[str, Measured]:
    """Alternate; naive Keras takes part in the first pairs only."""
    ways = {"zoo": task.ours, "naive Keras": task.naive, "Keras on features": task.by_features}
    found = {name: Measured() for name in ways}
    for seed in range(pairs):
        for name, work in ways.items():
            if name != "naive Keras" or seed < naive:
                found[name].add(work, seed)
                print(f"{task.model}, seed {seed}, {name}: {found[name].seconds[-1]:.2f} s", file=sys.stderr)
    return found


def figures(task: Task, found: dict[str, Measured]) -> list[Figure]:
    """Compare ours with each of the rivals."""
    mine = found["zoo"].seconds
    what = f"transfer of {task.model}, {task.epochs} epochs"
    return [
        Figure(
            what, rival, tuple(theirs / ours for theirs, ours in zip(one.seconds, mine, strict=False)),
            statistics.median(mine), task.wanted if rival == "naive Keras" else None,
        )
        for rival, one in found.items() if rival != "zoo" and one.seconds
    ]  # fmt: skip


def small(folder: Path) -> Task:
    """The shipped net, which Keras gets as a file of its own, and its digits as the model takes them."""
    prepared = api.prepare("mnist-dnn", reuse="hidden[123]", unfreeze="none", compare_scratch=False)
    prepared.source.model.save(folder / "dnn.keras")
    arrays: Arrays = {}
    for name, split in prepared.data.splits.items():
        raw = np.asarray(split.samples.take(np.arange(len(split))))
        arrays |= {f"x_{name}": raw.reshape(len(raw), -1).astype(np.float32) / 255, f"y_{name}": split.y}
    np.savez(folder / "digits.npz", **arrays)
    return Task(
        "mnist-dnn", "hidden[123]", "hidden3", (50, 50), 5, 40, folder / "dnn.keras", folder / "digits.npz", None, 8.0
    )


def large(folder: Path) -> Task:
    """MobileNetV2 in the catalogue and as a file; the images as bytes for us, as numbers from -1 to 1 for Keras."""
    images, labels = two_colours(sum(IMAGES.values()), SIDE)
    model = mobilenet(SIDE, images[:256] / np.float32(127.5) - 1)
    model.save(folder / "mobilenet.keras")
    raw: Arrays = {}
    ready: Arrays = {}
    for name, end in zip(IMAGES, np.cumsum(list(IMAGES.values())), strict=True):
        rows = slice(end - IMAGES[name], end)
        raw |= {f"x_{name}": images[rows], f"y_{name}": labels[rows]}
        ready |= {f"x_{name}": images[rows] / np.float32(127.5) - 1, f"y_{name}": labels[rows]}
    np.savez(folder / "images.npz", **raw)
    np.savez(folder / "ready.npz", **ready)
    (folder / "model").mkdir()
    how = Preprocessing((SIDE, SIDE, 3), scale=1 / 127.5, offset=-1.0)
    card = draft(model, folder / "model" / "model.keras", ready["x_valid"][:16], preprocessing=how)
    Shelf().publish(card, folder / "model", Spot("mobilenet-v2"))
    return Task(
        "mobilenet-v2", "(?!predictions).*", "global_average_pooling2d", (), 10, 20, folder / "mobilenet.keras",
        folder / "ready.npz", str(folder / "images.npz"), 35.0,
    )  # fmt: skip


TASKS: dict[str, Callable[[Path], Task]] = {"mnist-dnn": small, "mobilenet-v2": large}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--naive", type=int, default=1, help="pairs of the large task that naive Keras takes part in")
    parser.add_argument("--only", default=",".join(TASKS))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found, runs = list[Figure](), dict[str, dict[str, Any]]()
    for name in chosen.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ZOO_HOME"] = f"{folder}/home"
            task = TASKS[name](Path(folder))
            for work in (task.ours, task.by_features):
                work(0)  # what is imported when it is first needed
            measured = measure(task, chosen.pairs, chosen.pairs if name == "mnist-dnn" else chosen.naive)
        found += figures(task, measured)
        runs[name] = {way: asdict(one) for way, one in measured.items()}
        if not chosen.json:
            print(f"{name}: test accuracy " + "; ".join(f"{way} {one}" for way, one in measured.items()))
    if chosen.json:
        print(json.dumps({"figures": [one.row for one in found], "runs": runs}, indent=2))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
