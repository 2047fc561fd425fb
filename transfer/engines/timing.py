"""How fast engines are on a few samples, each at its best batch size: in turn, so that all see the same machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from transfer.engines.choice import power, sizes
from transfer.engines.engine import Engine
from transfer.inputs import Arrays

ROUNDS = 3
ENOUGH = 0.02  # seconds of runs, among which there is one that nothing disturbed


@dataclass(frozen=True)
class Timed:
    """An engine's best batch size, and the seconds that a sample takes in such batches."""

    engine: Engine
    batch: int
    each: float


def largest(engine: Engine, most: int) -> int:
    """Return an engine's largest batch, where so many samples at once fit into memory with all that is made of them."""
    return power(max(1, most // engine.at_once))


def raced(engines: Sequence[Engine], samples: Arrays, most: int, seconds: float) -> list[Timed]:
    """Time engines at several batch sizes in turn, and return what each is at its best, in their order.

    Args:
        engines: as many batches at once as each of them is given in use.
        samples: the first ones.
        most: how many of them fit into memory at once with all that is made of them.
        seconds: after which no further round begins; the least of at most three counts.
    """
    whole = power(len(samples[0]))
    runs = [(engine, batch) for engine in engines for batch in sizes(min(whole, largest(engine, most)))]
    with ThreadPoolExecutor(max(engine.at_once for engine in engines)) as threads:
        for one in runs:
            _run(*one, samples, threads)
        taken, start = [float("inf")] * len(runs), time.perf_counter()
        for _ in range(ROUNDS):
            taken = [min(before, _run(*one, samples, threads)) for before, one in zip(taken, runs, strict=True)]
            if time.perf_counter() - start > seconds:
                break
    timed = [Timed(engine, batch, each) for (engine, batch), each in zip(runs, taken, strict=True)]
    return [min((one for one in timed if one.engine is engine), key=lambda one: one.each) for engine in engines]


def quickest(engine: Engine, samples: Arrays) -> tuple[Arrays, float]:
    """Run some samples as one batch, quick ones again and again; return the outputs, and the least seconds a sample."""
    least, begin = float("inf"), time.perf_counter()
    while True:
        start = time.perf_counter()
        outputs = engine(samples)
        end = time.perf_counter()
        least = min(least, end - start)
        if end - begin > ENOUGH:
            return outputs, least / len(samples[0])


def _run(engine: Engine, batch: int, samples: Arrays, threads: ThreadPoolExecutor) -> float:
    """Run as many batches as the engine takes at once; return the seconds that each sample took."""
    part = tuple(array[:batch] for array in samples)
    start = time.perf_counter()
    list(threads.map(engine, [part] * engine.at_once))
    return (time.perf_counter() - start) / (batch * engine.at_once)
