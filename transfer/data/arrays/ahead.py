"""Work done one step ahead of whoever takes its results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], of: Iterable[T]) -> Generator[tuple[T, R], None, None]:
    """Yield each item with the result of its work, while a thread does the next one's: two results are held at most.

    >>> list(ahead(abs, [-1, 2]))
    [(-1, 1), (2, 2)]
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = None
        for item in of:
            following = (item, thread.submit(work, item))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
        if waiting is not None:
            yield waiting[0], waiting[1].result()
