"""Work that a thread does behind whoever hands it over, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

WAITING = 2  # pieces of work that are handed over and not done


class Behind:
    """Takes work; who hands over a third piece waits for the first."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def do(self, work: Callable[[], None]) -> None:
        """Hand a piece of work over; an error of an earlier one is raised here."""
        if len(self._waiting) == WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._run, work))

    def wait(self) -> None:
        """Wait until all is done; an error is raised here."""
        while self._waiting:
            self._waiting.popleft().result()

    def _run(self, work: Callable[[], None]) -> None:
        """Do a piece of work; after one that failed nothing is done, since what follows counts on it."""
        if not self._failed:
            self._failed = True
            work()
            self._failed = False


@contextmanager
def behind() -> Iterator[Behind]:
    """Give what takes work; at the end of the context all of it is done, and after an error nothing more.

    >>> done: list[int] = []
    >>> with behind() as thread:
    ...     for number in range(5):
    ...         thread.do(lambda number=number: done.append(number))
    >>> done
    [0, 1, 2, 3, 4]
    """
    with ThreadPoolExecutor(1, thread_name_prefix="behind") as thread:
        given = Behind(thread)
        try:
            yield given
            given.wait()
        except BaseException:
            thread.shutdown(cancel_futures=True)
            raise
