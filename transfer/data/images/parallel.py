"""Work on many small files in threads: what takes long, reading, hashing and decoding, releases the GIL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from transfer.cores import cores

T = TypeVar("T")
CHUNK = 32  # handing over one small image costs as much as hashing it


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads, two for each core since some of them wait for the disk; what has not begun is dropped at the end."""
    pool = ThreadPoolExecutor(2 * cores(), thread_name_prefix="images")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def in_threads(work: Callable[[int], T], count: int) -> Iterator[T]:
    """Yield `work(0)`, `work(1)`, ... in this order; an error ends it.

    >>> list(in_threads(lambda row: row * row, 4))
    [0, 1, 4, 9]
    """

    def some(start: int) -> list[T]:
        return [work(row) for row in range(start, min(start + CHUNK, count))]

    with workers() as pool:
        for part in pool.map(some, range(0, count, CHUNK)):
            yield from part
