"""Two workers of a Ray cluster on this machine against one process that uses all of it, on the same samples.

    python benchmarks/cluster.py [--pairs 5] [--images 2000] [--only memory,files,kill] [--json]

MobileNetV2 at 96x96x3, pooled, seeded random weights, into an empty cache. `memory`: images in memory; `files`: JPEGs
of 160x120 in a folder, decoded and resized by whoever extracts them. Each is timed twice: without what starting Ray and
the workers takes (from the moment at which both workers have the trunk ready to the end of the last piece, against the
same pass by an engine that is ready), and with all of that, as a user waits for it. The engine is chosen once and is
the same for both. `kill`: one of the two is killed when half is done; what that cost in samples that were read again.
Bytes are compared each time. Exits with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))

import numpy as np
from figure import Figure, table
from logged_feed import LoggedFeed, logged

SIDE, WANTED, WORKERS = 96, 0.85, 2
RIVAL = "one process on all cores"


def mobilenet() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None, include_top=False, pooling="avg")


def in_memory(images: int) -> Any:
    from transfer.data.arrays.feed import ArrayFeed
    from transfer.data.arrays.samples import ArraySamples
    from transfer.inputs import ModelInput

    x = np.random.default_rng(0).standard_normal((images, SIDE, SIDE, 3), np.float32)
    return ArrayFeed(ArraySamples.of(x, "x.npy"), (ModelInput("X", x.shape[1:]),), None)


def in_files(images: int, folder: Path) -> Any:
    from PIL import Image

    from registry.card import Preprocessing
    from transfer.backbone import Backbone
    from transfer.data.images.samples import ImageSamples
    from transfer.presented import feed_of

    draws = np.random.default_rng(0)
    for number in range(images):
        small = draws.integers(0, 256, (15, 20, 3), np.uint8)
        Image.fromarray(small).resize((160, 120)).save(folder / f"{number}.jpg", quality=90)
    how = Preprocessing(shape=(SIDE, SIDE, 3), scale=1 / 127.5, offset=-1.0, resize="stretch")
    source = Backbone(mobilenet(), how)
    return feed_of(source, source.inputs, ImageSamples(folder, [f"{n}.jpg" for n in range(images)]), "photos")


class Task:
    """A trunk and samples, and the engine that was chosen for them."""

    def __init__(self, feed: Any, folder: Path) -> None:
        from transfer.cache_keys import Key
        from transfer.features import Inputs
        from transfer.split import Trunk

        self.feed, self.folder, self.number = feed, folder, 0
        self.key, self.part = Key("trunk", "cut", ""), Trunk(mobilenet(), ("cut",))
        self.given = {"train": Inputs(feed, np.zeros(len(feed), np.int64))}
        assert len(feed.digests) == len(feed)
        self.features(None)  # chooses the engine, which is remembered

    def root(self) -> Path:
        self.number += 1
        root = self.folder / str(self.number)
        if self.number > 1:
            shutil.copytree(self.folder / "1" / "engines", root / "engines")
        return root

    def features(self, cluster: Any, feed: Any = None) -> tuple[np.ndarray, float]:
        """Extract all into an empty cache; return the features, and the seconds."""
        from transfer.cache import FeatureCache
        from transfer.cluster.connecting import used
        from transfer.features import Inputs

        given = self.given if feed is None else {"train": Inputs(feed, self.given["train"].labels)}
        root, start = self.root(), time.perf_counter()
        with used(cluster):
            found = FeatureCache(root, cluster=cluster).features(self.key, self.part, given)
            x = np.array(found.splits["train"].arrays[0])
            seconds = time.perf_counter() - start
        assert found.extracted == len(self.feed)
        shutil.rmtree(root / self.key.digest)
        return x, seconds

    def ready_pass(self) -> float:
        """Return the seconds that one process takes whose engine is ready."""
        from registry.watch import silent
        from transfer.cache import FeatureCache
        from transfer.engines.extractor import Extractor

        root = self.root()
        cache = FeatureCache(root)
        extractor = Extractor("auto", root / "engines", len(self.feed))
        (one,) = cache._passes(extractor, [(self.key, self.part)], self.given, "extract")
        next(iter(one.ready.run(self.feed, one.rows[:256], stage="", watch=silent)))
        start = time.perf_counter()
        one.run(silent)
        seconds = time.perf_counter() - start
        shutil.rmtree(root / self.key.digest)
        return seconds


@contextmanager
def overheard() -> Iterator[list[Any]]:
    """Give a list that gets every outcome."""
    from transfer.cluster import extracting

    heard, plain = list[Any](), extracting._outcomes

    def listening(*given: Any) -> Iterator[Any]:
        for outcome in plain(*given):
            heard.append(outcome)
            yield outcome

    extracting._outcomes = listening
    try:
        yield heard
    finally:
        extracting._outcomes = plain


def steady(heard: list[Any], sizes: list[int]) -> float:
    """Return samples a second from the moment at which all workers have begun to the end of the last piece."""
    first = {
        process: min(one.began for one in heard if one.process == process) for process in {o.process for o in heard}
    }
    start, end = max(first.values()), max(one.ended for one in heard)
    done = 0.0
    for one in heard:
        inside = max(0.0, one.ended - max(start, one.began)) / (one.ended - one.began)
        done += inside * sizes[one.number]
    return done / (end - start)


def paired(name: str, task: Task, pairs: int) -> tuple[list[Figure], dict[str, float]]:
    from transfer.cluster.cluster import Cluster
    from transfer.cluster.pieces import lengths

    many, width = len(task.feed), 1280 * 4
    sizes, excluded, included, rates = lengths(many, WORKERS, width), [], [], []
    expected, _ = task.features(None)
    with overheard() as heard:
        for _ in range(pairs):
            heard.clear()
            alone = task.ready_pass()
            x, ours = task.features(Cluster(workers=WORKERS))
            again, rival = task.features(None)
            assert x.tobytes() == expected.tobytes() == again.tobytes()
            rates.append(steady(heard, sizes))
            excluded.append(rates[-1] / (many / alone))
            included.append(rival / ours)
    what = f"extraction by {WORKERS} workers, images in {name}"
    rate = float(np.median(rates))
    return [
        Figure(what, RIVAL, tuple(excluded), many / rate, WANTED),
        Figure(f"{what}, Ray's start included", RIVAL, tuple(included)),
    ], {"samples_a_second": rate, "pieces": len(sizes)}


def killed(task: Task) -> dict[str, float]:
    """Kill a worker when half is done."""
    from transfer.cluster.cluster import Cluster

    log = task.folder / "log"
    log.unlink(missing_ok=True)
    many, gone = len(task.feed), threading.Event()

    def kill() -> None:
        while not gone.is_set():
            seen = [one for one in logged(log) if one[0] != os.getpid()]
            if sum(count for _, count in seen) > many // 2:
                os.kill(seen[-1][0], signal.SIGKILL)
                return
            time.sleep(0.01)

    expected, _ = task.features(None)
    _, plain = task.features(Cluster(workers=WORKERS))
    thread = threading.Thread(target=kill)
    thread.start()
    x, seconds = task.features(Cluster(workers=WORKERS), LoggedFeed(task.feed, log))
    gone.set()
    thread.join()
    assert x.tobytes() == expected.tobytes()
    read = sum(count for process, count in logged(log) if process != os.getpid())
    return {"samples": many, "again": read - many, "seconds": seconds, "undisturbed": plain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--only", default="memory,files,kill")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    from zoo.starting import start_tensorflow

    start_tensorflow()
    parts, found, more = chosen.only.split(","), list[Figure](), dict[str, Any]()
    with tempfile.TemporaryDirectory() as name:
        (photos := Path(name) / "photos").mkdir()
        for part in parts:
            feed = in_files(chosen.images, photos) if part == "files" else in_memory(chosen.images)
            task = Task(feed, Path(name) / part)
            if part == "kill":
                more[part] = killed(task)
                continue
            figures, more[part] = paired(part, task, chosen.pairs)
            found += figures
    if chosen.json:
        print(json.dumps({"figures": [one.row for one in found], **more}, indent=2))
    else:
        show(found, more)
    sys.exit(not all(one.held for one in found))


def show(found: list[Figure], more: dict[str, Any]) -> None:
    if found:
        print(table(found))
    for name, one in more.items():
        if name == "kill":
            print(f"a worker killed half-way: {one['again']:.0f} of {one['samples']:.0f} samples read again; "
                  f"{one['seconds']:.1f} s in all, {one['undisturbed']:.1f} s undisturbed")  # fmt: skip
        else:
            print(f"images in {name}: {one['samples_a_second']:.0f} samples a second in {one['pieces']:.0f} pieces")


if __name__ == "__main__":
    main()
