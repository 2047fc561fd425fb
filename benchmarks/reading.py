"""How fast images are read, against how fast a small network takes them, and in how much memory.

    python benchmarks/reading.py [--n 100000] [--pairs 5] [--keep DIR]

Makes JPEG files of 96x96, noise and shapes of a seed, in a folder a class. Then, in processes of their own: the reader
over all of them, once without and once with TensorFlow loaded, with its peak memory (VmHWM, all of the process); and
in pairs the reader alone, MobileNetV2 alone (random weights, 96x96x3, pooled) on images in memory, and both together.
Exits with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

SIDE, CLASSES, BLOCK = 96, 100, 512
RATIO, PEAK_BYTES = 3.0, 1.5e9
READ, EXTRACTED = 20_000, 2_048  # images in each run of a pair


def make_class(folder: Path, number: int, count: int) -> None:
    from PIL import Image, ImageDraw

    draws = np.random.default_rng([7, number])
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(count):
        noise = draws.integers(0, 256, (SIDE // 4, SIDE // 4, 3), np.uint8)
        image = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        for _ in range(3):
            left, top, width, height = (int(value) for value in draws.integers(4, SIDE // 2, 4))
            shape = pen.ellipse if draws.random() < 0.5 else pen.rectangle
            shape((left, top, left + width, top + height), fill=tuple(map(int, draws.integers(0, 256, 3))))
        image.save(folder / f"{at}.jpg", quality=85)


def make(root: Path, n: int) -> None:
    counts = [len(range(number, n, CLASSES)) for number in range(CLASSES)]
    folders = [root / f"class{number}" for number in range(CLASSES)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(make_class, folders, range(CLASSES), counts))


def feed_of(root: Path):
    from transfer.data.images.feed import ImageFeed
    from transfer.data.images.folder import read
    from transfer.data.reading import Reading

    samples = read(root, "", Reading(), None).parts["all"].samples
    return ImageFeed(samples, scaled, scaled, channels=3, shape=(SIDE, SIDE, 3))


def scaled(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) * np.float32(1 / 127.5) - np.float32(1)


def rate_of(feed, rows: np.ndarray) -> float:
    start = time.perf_counter()
    count = sum(len(block) for _, (block,) in feed.blocks(rows, BLOCK))
    return count / (time.perf_counter() - start)


def extraction(model, feed, rows: np.ndarray) -> float:
    """Images a second, without the tracing that comes before the first batch."""
    from transfer.extract import forward

    batches = forward(model, feed, rows)
    next(batches)
    start = time.perf_counter()
    return sum(len(output) for (output,) in batches) / (time.perf_counter() - start)


def peak() -> int:
    """The largest resident size of this process, in bytes."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def reading(root: Path, loaded: bool) -> dict[str, float]:
    """Read everything once."""
    if loaded:
        import tensorflow as tf

        tf.constant(0)
    before = peak()
    start = time.perf_counter()
    feed = feed_of(root)
    listed = time.perf_counter() - start
    worked = time.process_time()
    rate = rate_of(feed, np.arange(len(feed)))
    worked = time.process_time() - worked
    return {"before": before, "listed": listed, "rate": rate, "cost": worked / len(feed), "peak": peak()}


def pairs(root: Path, count: int) -> list[dict[str, float]]:
    """Time reader, extractor, and both, in turn; the first round warms up."""
    import keras

    from transfer.feeding import Sliced

    model = keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None, include_top=False, pooling="avg")
    feed = feed_of(root)
    rows = np.random.default_rng(0).permutation(len(feed))
    (held,) = feed.read(rows[:EXTRACTED])
    rounds = []
    for _ in range(count + 1):
        read = rate_of(feed, rows[:READ])
        extracted = extraction(model, Sliced((held,)), np.arange(len(held)))
        rounds.append({"read": read, "extracted": extracted, "both": extraction(model, feed, rows[:EXTRACTED])})
    return rounds[1:]


def child(*words: str):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, __file__, *words], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(root: Path, n: int, count: int) -> bool:
    """Measure and print; return whether all limits are kept."""
    plain, loaded = child("--reading", str(root)), child("--reading-loaded", str(root))
    rounds = child("--rounds", str(root), "--pairs", str(count))
    print(f"listed {n:,} images with their headers in {plain['listed']:.1f} s; read at {plain['rate']:,.0f} a second, "
          f"each with {plain['cost'] * 1e6:.0f} us of processor time")  # fmt: skip
    print(f"peak memory: {plain['peak'] / 1e9:.2f} GB (after imports {plain['before'] / 1e9:.2f} GB); with TensorFlow "
          f"loaded {loaded['peak'] / 1e9:.2f} GB (after imports {loaded['before'] / 1e9:.2f} GB); "
          f"limit {PEAK_BYTES / 1e9} GB")  # fmt: skip
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    ratios = [one["read"] / one["extracted"] for one in rounds]
    kept = [one["both"] / one["extracted"] for one in rounds]
    print(f"reader {middle['read']:,.0f} images/s, MobileNetV2 {middle['extracted']:,.0f}, together "
          f"{middle['both']:,.0f}")  # fmt: skip
    print(f"the reader is {statistics.median(ratios):.1f} times as fast as the extractor (median of {count} pairs, "
          f"{min(ratios):.1f} to {max(ratios):.1f}; limit {RATIO}); reading as it goes, the extractor keeps "
          f"{statistics.median(kept):.0%} of its rate")  # fmt: skip
    peaks = max(plain["peak"], loaded["peak"])
    return statistics.median(ratios) >= RATIO and peaks <= PEAK_BYTES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the images, which are made there unless they are there")
    for name in ("--reading", "--reading-loaded", "--rounds"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.reading or chosen.reading_loaded:
        print(json.dumps(reading(chosen.reading or chosen.reading_loaded, bool(chosen.reading_loaded))))
    elif chosen.rounds:
        print(json.dumps(pairs(chosen.rounds, chosen.pairs)))
    else:
        with tempfile.TemporaryDirectory() as name:
            root = chosen.keep or Path(name) / "images"
            if not root.exists():
                make(root, chosen.n)
            sys.exit(not report(root, chosen.n, chosen.pairs))


if __name__ == "__main__":
    main()
