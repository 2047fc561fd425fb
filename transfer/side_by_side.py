"""One kind of work on many things at the same time, its results in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], of: Iterable[T], threads: int) -> Iterator[R]:
    """Yield the result of each item's work in order, while threads do that of the next ones.

    Args:
        work: what lets go of Python's lock, or nothing is gained.
        of: the items; as many are drawn ahead of what is yielded as there are threads.
        threads: how many; for one, the caller's own thread does the work.

    >>> list(side_by_side(abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    if threads == 1:
        yield from map(work, of)
        return
    pool, waiting = ThreadPoolExecutor(threads, thread_name_prefix="side-by-side"), deque[Future[R]]()
    try:
        for item in of:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
