"""One process a run: a lock in the run's folder, which the system releases with the process that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import ZooError

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a run's lock.

    Raises:
        ZooError: another process holds it.
    """
    from filelock import FileLock, Timeout  # 60 ms, and what only looks needs no lock

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ZooError(
            f"the run {folder.name} is being carried out by another process", "zoo runs shows how it stands"
        ) from error
    try:
        yield
    finally:
        lock.release()


def alive(process: int) -> bool:
    """Tell whether a process of that number is there, be it another's that got the number later."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
