"""The feature cache against the bare file and the bare array: writing, batches from memory, windows from the disk.

    python benchmarks/cache.py [--pairs 5] [--only write,memory,disk,shuffle] [--json]

Everything alternates, and ratios are taken pair by pair: above 1 is faster than the rival.

- write: features into a shard, with checksums, against a plain file of the same bytes; neither is synced.
- memory: an epoch of shuffled batches inside the compiled loop, without training, against `np.take` of the same
  rows and labels.
- disk: an epoch of shuffled windows of a file of `LARGE` bytes, against reading it in order in pieces of 4 MB. Before
  each, the file's pages are dropped from the system's cache (`posix_fadvise`, after `fsync`), and none is read twice
  in an epoch, so both come from the disk. Resident memory is the peak (`VmHWM`, set back before the epoch) beyond what
  the process had before it.
- shuffle: validation losses of a top that is trained on samples sorted by label, in full shuffles and in windows, with
  the same seeds; the difference is paired.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from figure import Figure, table  # noqa: E402

import transfer.fitting.streaming as streaming  # noqa: E402
import transfer.spilled  # noqa: E402
from transfer.cache_files import read, shards_in  # noqa: E402
from transfer.cache_writing import Writing  # noqa: E402
from transfer.data.target import Target  # noqa: E402
from transfer.features import Features  # noqa: E402
from transfer.fitting.fit import fit  # noqa: E402
from transfer.fitting.step import Step  # noqa: E402
from transfer.fitting.work import Work  # noqa: E402
from transfer.plan.hyperparameters import Training  # noqa: E402

WIDTH = 1280
WRITTEN = 2**28  # bytes
LARGE = 2304 * 2**20  # bytes: above what training holds in memory
PIECE = 2**22
BATCH = 256
SEEDS = 10
STUDENT = 2.262  # 97.5 % of Student's t with 9 degrees of freedom
WRITE, MEMORY, DISK = (
    "write 256 MB of features",
    "shuffled epoch of {} MB in memory",
    "shuffled epoch of 2.4 GB on disk",
)
GOALS = {WRITE: None, MEMORY.format(100): 0.75, MEMORY.format(400): 0.75, DISK: 0.6}


def compared(name: str, rival_name: str, ours: Callable[[], Any], rival: Callable[[], Any], pairs: int) -> Figure:
    """Alternate the two; the first of each is not counted."""
    seconds = [(_timed(ours), _timed(rival)) for _ in range(pairs + 1)][1:]
    ratios = tuple(theirs / mine for mine, theirs in seconds)
    return Figure(name, rival_name, ratios, statistics.median(mine for mine, _ in seconds), GOALS[name])


def _timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def work_on(x: np.ndarray, y: np.ndarray, tail: keras.Model, batch: int = BATCH) -> Work:
    """Make what the compiled loop works on."""
    features, few = Features((x,), y), Features((np.asarray(x[:batch]),), y[:batch])
    how = Training(epochs=1, patience=1, batch_size=batch, diagnose=False)
    return Known(tail, {"train": features, "valid": few}, how, Target("class", tuple("0123456789")), 0.01, 0)


def top(width: int) -> keras.Model:
    """A linear top, the same each time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((width,))
    return keras.Model(inputs, keras.layers.Dense(10, name="outputs")(inputs))


class Known(Work):
    """Its order is drawn once, before anything is timed, as its rival's is."""

    def order(self, epoch: int) -> Any:
        """Return the only order."""
        if "known" not in self.__dict__:
            self.__dict__["known"] = super().order(0)
        return self.__dict__["known"]


def drawing(work: Work) -> Callable[[], Any]:
    """Return an epoch in which each batch is drawn, and one number of it looked at."""
    step = Step(work)

    def drawn(inputs: list[Any], labels: Any, number: Any) -> tuple[Any, list[Any]]:
        return inputs[0][0, 0] + tf.cast(labels[0], tf.float32), []

    step.train = drawn  # type: ignore[method-assign]
    epoch = tf.function(lambda supplied: step.train_epoch(supplied, 0, 0)[0], autograph=False)
    return lambda: float(epoch(step.supply.drawn(0)))


def write(folder: Path, pairs: int) -> Figure:
    """A shard against a plain file."""
    n = WRITTEN // (4 * WIDTH)
    x = np.random.default_rng(0).normal(size=(n, WIDTH)).astype(np.float32)
    digests = np.random.default_rng(1).integers(0, 256, (n, 32), dtype=np.uint8)
    key = folder / ("0" * 64)

    def ours() -> None:
        writing = Writing(key, {"cut": "pool"}, ["pool"], digests)
        for start in range(0, n, BATCH):
            writing.append([x[start : start + BATCH]])
        writing.finish()
        writing.close()
        shards_in(key)[0].unlink()

    def rival() -> None:
        with (folder / "raw").open("wb") as file:
            for start in range(0, n, BATCH):
                file.write(x[start : start + BATCH].data)
        (folder / "raw").unlink()

    return compared(WRITE, "a plain file", ours, rival, pairs)


def memory(megabytes: int, pairs: int) -> Figure:
    """Batches of a constant in memory against `np.take`."""
    n = megabytes * 10**6 // (4 * WIDTH)
    x = np.random.default_rng(0).normal(size=(n, WIDTH)).astype(np.float32)
    y = np.zeros(n, np.int64)
    work = work_on(x, y, top(WIDTH))
    rows = np.resize(work.order(0), (work.steps, work.size))

    def rival() -> float:
        return sum(float(np.take(x, some, axis=0)[0, 0] + np.take(y, some)[0]) for some in rows)

    return compared(MEMORY.format(megabytes), "np.take", drawing(work), rival, pairs)


def disk(folder: Path, pairs: int) -> list[Figure]:
    """Windows of a shard against its bytes in order."""
    n = LARGE // (4 * WIDTH)
    draws, key = np.random.default_rng(0), folder / ("1" * 64)
    writing = Writing(key, {"cut": "pool"}, ["pool"], draws.integers(0, 256, (n, 32), dtype=np.uint8))
    for start in range(0, n, 4096):
        writing.append([draws.random((min(4096, n - start), WIDTH), np.float32)])
    writing.finish()
    path = shards_in(key)[0]
    x = read(path).arrays[0]
    epoch, peaks = drawing(work_on(x, np.zeros(n, np.int64), top(WIDTH))), list[float]()

    def ours() -> None:
        _dropped(path)
        before = _resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        epoch()
        peaks.append(_resident("VmHWM") - before)

    def rival() -> None:
        _dropped(path)
        buffer = bytearray(PIECE)
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    speed = compared(DISK, "reading the file in order", ours, rival, pairs)
    most = Figure(f"{DISK}: memory", "its bytes", (max(peaks) / LARGE,), wanted=0.2, most=True, unit="of them")
    return [speed, most]


def _dropped(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _resident(name: str) -> float:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name))
    return 1024 * float(line.split()[1])


def shuffle(folder: Path) -> dict[str, Any]:
    """Full shuffles against windows, on samples sorted by label: the worst case."""
    draws, width, n = np.random.default_rng(0), 32, 10_000
    x = draws.normal(size=(n + 2000, width)).astype(np.float32)
    y = np.argmax(x @ draws.normal(size=(width, 10)) / 3 + draws.gumbel(size=(len(x), 10)), axis=1)
    order = np.argsort(y[:n], kind="stable")
    sorted_, labels, valid = x[:n][order], y[:n][order], Features((x[n:],), y[n:])
    (folder / "sorted").write_bytes(sorted_.tobytes())
    file = np.memmap(folder / "sorted", np.float32, "r", 0, sorted_.shape)
    how = Training(epochs=5, patience=5, batch_size=64, lr=0.01, diagnose=False)
    transfer.spilled.IN_MEMORY = 1
    streaming.WINDOW_BYTES, streaming.STRETCH_BYTES = sorted_.nbytes // 36, sorted_.nbytes // 36 // 256
    rows = []
    for seed in range(SEEDS):
        fitted = [
            fit(top(width), {"train": Features((one,), labels), "valid": valid}, how,
                Target("class", tuple("0123456789")), lr=0.01, seed=seed)
            for one in (sorted_, file)
        ]  # fmt: skip
        rows.append([min(epoch.valid_loss for epoch in one.epochs) for one in fitted])
    differences = np.diff(rows, axis=1)[:, 0]
    half = STUDENT * differences.std(ddof=1) / np.sqrt(SEEDS)
    windows = Work(top(width), {"train": Features((file,), labels)}, how, valid_target(), 0.01, 0).windows
    places = [np.argsort(windows.order(np.random.default_rng([seed, 7]), n)) for seed in range(20)]
    return {
        "valid_loss": np.mean(rows, axis=0).tolist(), "difference": float(differences.mean()), "interval": float(half),
        "windows": -(-n // (windows.steps * windows.batch)),
        "epochs_correlation": float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairwise(places)])),
    }  # fmt: skip


def valid_target() -> Target:
    """Ten classes."""
    return Target("class", tuple("0123456789"))


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="write,memory,disk,shuffle")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    chosen, found, shuffled = arguments.only.split(","), list[Figure](), None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "write" in chosen:
            found.append(write(folder, arguments.pairs))
        if "memory" in chosen:
            found += [memory(megabytes, arguments.pairs) for megabytes in (100, 400)]
        if "disk" in chosen:
            found += disk(folder, arguments.pairs)
        if "shuffle" in chosen:
            shuffled = shuffle(folder)
    if arguments.json:
        print(json.dumps({"figures": [one.row for one in found], "shuffle": shuffled}, indent=2))
        return
    print(table(found))
    if shuffled:
        a, b = shuffled["valid_loss"]
        print(f"validation loss, labels sorted: full shuffle {a:.4f}, {shuffled['windows']} windows {b:.4f}")
        print(f"  difference {shuffled['difference']:+.4f} ± {shuffled['interval']:.4f} (95 %, {SEEDS} seeds)")
        print(f"  correlation of a sample's places in two epochs: {shuffled['epochs_correlation']:+.4f}")


if __name__ == "__main__":
    main()
