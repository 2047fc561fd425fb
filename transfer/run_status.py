"""How a run stands, as its `status.json` says it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

STATUS = "status.json"


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Attributes:
        state: `running`, `done`, `interrupted` or `failed`.
        started, ended: Unix seconds; `ended` is 0 while it runs.
        process: the number of the process that carries it out, on its machine.
        why: of a run that failed.
        fingerprint: of the data that it was begun with.
    """

    state: str
    started: float
    ended: float = 0.0
    process: int = 0
    why: str = ""
    fingerprint: str = ""


@contextmanager
def recorded(write: Callable[[Status], None], fingerprint: str) -> Iterator[None]:
    """Record how a run stands while this process carries it out, and how that ends.

    Args:
        write: puts it into the run's folder.
        fingerprint: of the data.
    """
    status = Status("running", time.time(), process=os.getpid(), fingerprint=fingerprint)
    try:
        write(status)
        yield
    except BaseException as error:
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        with suppress(OSError):  # on a full disk; it will count as interrupted, and what is told is the error itself
            write(replace(status, state=state, ended=time.time(), why=str(error)))
        raise
    write(replace(status, state="done", ended=time.time()))
