"""How fast features are extracted, against `model.predict`; and in how much memory.

    python benchmarks/extraction.py [--pairs 5] [--images 512] [--gb 1.0] [--only conv,dense,writing,memory] [--json]

`conv`: MobileNetV2 at 96x96x3, pooled, seeded random weights, images in memory. `dense`: three layers of 50 units on
60,000 rows of 784. Each engine that is installed is timed in turn with `predict` at its default batch, which has been
called once before; `auto` is the engine that `--backend auto` takes for 60,000 images. What making an engine ready
takes is given beside it, and is paid once a trunk. `ours, into the cache` of `dense` is all that a transfer does:
choosing an engine, making it ready, extracting, checksums, writing HDF5; `predict` does none of the rest, so nothing is
wanted of it. PROCESSOR is the same ratio in the processor's time, which says more on a busy machine, and less on a
quiet one: it does not see how well the cores are kept busy. `writing`: MobileNetV2 to an early cut, whose maps are 100
times the pooled row, computed alone and into the cache. `memory`: the peak of a process that extracts with a model of
1 GB above that of one with a tiny model, divided by the size of the weights. Ratios are of pairs, medians of all. Exits
with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from extraction_inputs import COLUMNS, dense_net, draws, inputs
from extraction_memory import memory
from figure import Figure, table

Pair = tuple[tuple[float, float], tuple[float, float]]  # ours and the rival's, each by the clock and of the processor
LIMITS = {"conv": 2.5, "dense": 15.0, "memory": 2.2}
SIDE, ROWS = 96, 60_000


def mobilenet() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None, include_top=False, pooling="avg")


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Do some work; return the seconds by the clock, and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def drained(ready: Any, x: np.ndarray) -> None:
    from registry.watch import silent
    from transfer.feeding import Sliced

    for _ in ready.run(Sliced((x,)), np.arange(len(x)), stage="extract", watch=silent):
        pass


def cached(model: Any, given: dict[str, Any], backend: str = "auto") -> None:
    """Extract into an empty cache: all that a transfer does."""
    from transfer.cache import FeatureCache
    from transfer.cache_keys import Key
    from transfer.split import Trunk

    with tempfile.TemporaryDirectory() as folder:
        FeatureCache(Path(folder), backend).features(Key("trunk", "cut", ""), Trunk(model, ("cut",)), given)


def paired(ours: dict[str, Callable[[], Any]], rival: Callable[[], Any], pairs: int) -> dict[str, dict[str, Any]]:
    """Time each of ours and the rival in turn; all have run once."""
    taken: dict[str, list[Pair]] = {name: [] for name in ours}
    for _ in range(pairs):
        for name, work in ours.items():
            taken[name].append((seconds(work), seconds(rival)))
    return {name: _summary(found) for name, found in taken.items()}


def _summary(found: list[Pair]) -> dict[str, Any]:
    ratios = [rival[0] / mine[0] for mine, rival in found]
    return {
        "seconds": statistics.median(mine[0] for mine, _ in found),
        "rival_seconds": statistics.median(rival[0] for _, rival in found),
        "ratio": statistics.median(ratios), "ratios": ratios,
        "processor": statistics.median(rival[1] / mine[1] for mine, rival in found),
    }  # fmt: skip


def engines(model: Any, x: np.ndarray, names: list[str], total: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Make the model ready with each backend; return these, and the seconds that it took."""
    from transfer.engines.extractor import Extractor
    from transfer.feeding import Sliced

    made, took = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            start = time.perf_counter()
            extractor = Extractor(name, Path(folder), total)
            made[name] = extractor.ready(model, Sliced((x,)), np.arange(len(x)), [name])
            took[name] = time.perf_counter() - start
    return made, took


def installed() -> list[str]:
    from transfer.engines.table import AUTO, BACKENDS

    return [AUTO, *(backend.name for backend in BACKENDS if backend.version)]


def conv(pairs: int, images: int) -> dict[str, Any]:
    model, x = mobilenet(), draws(images, SIDE, SIDE, 3)
    ready, took = engines(model, x, installed(), ROWS)
    ours = {name: (lambda one=one: drained(one, x)) for name, one in ready.items()}
    model.predict(x, verbose=0)
    for work in ours.values():
        work()
    found: dict[str, Any] = paired(ours, lambda: model.predict(x, verbose=0), pairs)
    for name in found:
        found[name] |= {"engine": str(ready[name]), "ready_seconds": took[name], "said": ready[name].choice.said}
    return found


def dense(pairs: int) -> dict[str, Any]:
    model, x = dense_net(), draws(ROWS, COLUMNS)
    ready, took = engines(model, x, installed(), ROWS)
    ours: dict[str, Callable[[], Any]] = {name: (lambda one=one: drained(one, x)) for name, one in ready.items()}
    given = inputs(x)
    ours["ours, into the cache"] = lambda: cached(model, given)
    model.predict(x[:1000], verbose=0)
    for work in ours.values():
        work()
    found: dict[str, Any] = paired(ours, lambda: model.predict(x, verbose=0), pairs)
    for name in ready.keys() & found.keys():
        found[name] |= {"engine": str(ready[name]), "ready_seconds": took[name]}
    return found


def writing(pairs: int, images: int) -> dict[str, Any]:
    """Compare extraction of large maps into the cache with the same without writing."""
    import keras

    whole = mobilenet()
    model = keras.Model(whole.inputs, whole.get_layer("block_2_add").output)
    x = draws(images, SIDE, SIDE, 3)
    ready, _ = engines(model, x, ["tensorflow"], len(x))
    given = inputs(x)
    alone, into = (lambda: drained(ready["tensorflow"], x)), (lambda: cached(model, given, "tensorflow"))
    alone(), into()
    return {"into the cache": paired({"": into}, alone, pairs)[""]}


PARTS = {
    "conv": "extract with MobileNetV2 at 96x96",
    "dense": "extract with three dense layers, 60,000 rows",
    "writing": "extract early maps of MobileNetV2",
    "memory": "extract with 1 GB of weights",
}
AGAINST = {"conv": "model.predict", "dense": "model.predict", "writing": "the same without writing"}


def figures(part: str, found: dict[str, Any]) -> list[Figure]:
    """Return what was found, as figures; what is wanted is wanted of the engine that users get."""
    if part == "memory":
        limit = LIMITS[part]
        return [Figure(f"{PARTS[part]}: peak", "the weights", (found["ratio"],), None, limit, most=True, unit="times")]
    return [
        Figure(
            f"{PARTS[part]}, {name}", AGAINST[part], tuple(one["ratios"]), one["seconds"],
            LIMITS[part] if name == "auto" else None,
        )
        for name, one in found.items()
    ]  # fmt: skip


def told(found: dict[str, Any]) -> list[str]:
    """Return what else there is to say of engines: what was chosen, how long it took, and the processor's time."""
    return [
        f"  {name}: {one['engine']}, ready in {one['ready_seconds']:.1f} s; "
        f"{one['processor']:.2f} times as fast by the processor's time. {one.get('said', '')}".rstrip()
        for name, one in found.items()
        if isinstance(one, dict) and "engine" in one
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--only", default="conv,dense,writing,memory")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "conv": lambda: conv(chosen.pairs, chosen.images),
        "dense": lambda: dense(chosen.pairs),
        "writing": lambda: writing(chosen.pairs, chosen.images),
        "memory": lambda: memory(chosen.gb),
    }
    found = {part: parts[part]() for part in chosen.only.split(",")}
    all_figures = [figure for part, one in found.items() for figure in figures(part, one)]
    if chosen.json:
        print(json.dumps({"figures": [one.row for one in all_figures], "parts": found}, indent=2))
    else:
        print("\n".join([table(all_figures), *(line for one in found.values() for line in told(one))]))
    sys.exit(not all(one.held for one in all_figures))


if __name__ == "__main__":
    main()
