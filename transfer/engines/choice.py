"""Which engine is chosen, and what is worth trying. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FEW = 4  # batches: what is over before anything could be found out
QUICK = 1.0  # seconds that TensorFlow takes for all, below which nothing else is looked at
HOPE = 3.0  # times TensorFlow's speed that another runtime may reach
SHARE = 0.04  # of the time for all with TensorFlow that may go into timing
TRIED = 2  # batches that TensorFlow would compute in the time for which it and another are compared
CLEAR = 1.5  # times the best so far, from where that need not be timed once more
BETTER = 1.1  # times the best so far, from where another one is taken: less than that is noise
TOGETHER = 4  # quick batches that a thread gets at a time
LARGEST_BYTES = 2**28  # of weights that are copied into another runtime, which has them four times while it is made
SMALLEST_BATCH, STEP = 8, 4  # a batch size that is tried is so many times smaller than the one before it
# A batch divides the block of samples that a feature file is good for at a time (`transfer.cache_files.BLOCK`): so an
# extraction that is gone on with has the same batches, and their numbers the same rounding.
LARGEST_BATCH = 256


@dataclass(frozen=True)
class Choice:
    """What runs a trunk.

    Attributes:
        backend: its name in the table.
        batch: how many samples at once.
        said: why, as a line for people; empty where there is nothing to say.
    """

    backend: str
    batch: int
    said: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= LARGEST_BATCH:
            raise ValueError(f"a batch has {self.batch} samples")


def worth_trying(best: float, plain: float, cost: float) -> bool:
    """Tell whether making another runtime ready can be gained back on the samples that are left.

    Args:
        best: seconds that these take with the best engine so far.
        plain: seconds that they take with TensorFlow.
        cost: seconds for making the other ready.

    >>> worth_trying(10, 10, 1), worth_trying(1, 1, 1), worth_trying(11, 30, 6)
    (True, False, False)
    """
    return best - plain / HOPE > cost


def few_of(total: int) -> int:
    """Return how many samples, of some in all, say first how long these take: a 128th, twice.

    >>> few_of(512), few_of(5000), few_of(60_000)
    (8, 39, 256)
    """
    return max(SMALLEST_BATCH, min(LARGEST_BATCH, total // 128))


def power(most: int) -> int:
    """Return the largest batch size within some number of samples.

    >>> power(4096), power(75), power(1)
    (256, 64, 1)
    """
    return 1 << (min(most, LARGEST_BATCH).bit_length() - 1)


def sizes(most: int) -> list[int]:
    """Return the batch sizes to compare, the largest first.

    >>> sizes(256), sizes(64), sizes(8), sizes(2)
    ([256, 64, 16], [64, 16], [8], [2])
    """
    return [most, *(most // STEP**times for times in range(1, 9) if most // STEP**times >= SMALLEST_BATCH)]
