"""How fast engines are on a few samples, each at its best batch size: in turn, so that all see the same machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from transfer.engines.choice import sizes
from transfer.engines.engine import Engine
from transfer.inputs import Arrays

ROUNDS = 3


@dataclass(frozen=True)
class Timed:
    """An engine's best batch size, and the seconds that a sample takes in such batches."""

    engine: Engine
    batch: int
    each: float


def raced(engines: Sequence[Engine], samples: Arrays, seconds: float) -> list[Timed]:
    """Time engines at several batch sizes in turn, and return what each is at its best, in their order.

    Args:
        engines: each has run with all of the samples once.
        samples: as many as fit into memory with all that is made of them.
        seconds: after which no further round begins; the least of at most three counts.
    """
    whole = len(samples[0])
    runs = [(engine, batch) for engine in engines for batch in sizes(whole)]
    for engine, batch in runs:
        if batch < whole:
            run(engine, batch, samples)
    taken, start = [float("inf")] * len(runs), time.perf_counter()
    for _ in range(ROUNDS):
        taken = [min(before, run(*one, samples)) for before, one in zip(taken, runs, strict=True)]
        if time.perf_counter() - start > seconds:
            break
    timed = [Timed(engine, batch, each) for (engine, batch), each in zip(runs, taken, strict=True)]
    return [min((one for one in timed if one.engine is engine), key=lambda one: one.each) for engine in engines]


def run(engine: Engine, batch: int, samples: Arrays) -> float:
    """Run the first samples once; return the seconds that each took."""
    part = tuple(array[:batch] for array in samples)
    start = time.perf_counter()
    engine(part)
    return (time.perf_counter() - start) / batch
