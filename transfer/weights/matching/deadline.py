"""A limit on the time that regexes may take; Python's own engine has none."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from registry.errors import ZooError


@contextmanager
def deadline(seconds: float, message: str, hint: str = "") -> Iterator[None]:
    """End what runs inside after a time; only in a main thread, and where the system has interval timers.

    Raises:
        ZooError: with the message, when the time is over.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise ZooError(message, hint)

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
