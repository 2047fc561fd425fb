"""One process a run: a lock in the run's folder, which the system releases with the process that holds it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import ZooError

LOCK = ".lock"
PATIENCE = 0.2  # seconds; who only looks whether a lock is held has it for a moment


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a run's lock.

    Raises:
        ZooError: another process holds it.
    """
    from filelock import FileLock, Timeout  # 60 ms, and what only looks needs no lock

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
    except Timeout as error:
        raise ZooError(
            f"the run {folder.name} is being carried out by another process", "zoo runs shows how it stands"
        ) from error
    try:
        yield
    finally:
        lock.release()


def held(folder: Path) -> bool:
    """Tell whether a process carries a run out; also one in another container, or on a machine that sees the folder.

    A process number would be taken for another's, which got it later or elsewhere.
    """
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go of at once: see PATIENCE
    except FileNotFoundError:
        return False
    except OSError:  # it is held, or nothing can be told
        return True
    return False
