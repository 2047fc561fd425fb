"""How many threads linear algebra uses, while many small problems are solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from transfer.cores import cores

Problem = TypeVar("Problem")
Solution = TypeVar("Solution")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy's linear algebra use one thread, in the whole process.

    The decomposition of a (512, 512) matrix is little faster with more, and a hundred times slower where the cores have
    something else to do, such as TensorFlow's threads: those of BLAS then wait for each other.
    """
    with threadpool_limits(1, "blas"):
        yield


def solved(solve: Callable[[Problem], Solution], problems: Iterable[Problem]) -> Iterator[Solution]:
    """Yield each problem's solution in order; as many are worked on at once as there are cores, each by one thread."""
    with one_thread(), ThreadPoolExecutor(cores(), thread_name_prefix="probes") as pool:
        yield from pool.map(solve, problems)
