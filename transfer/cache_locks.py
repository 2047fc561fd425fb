"""Locks on feature files: shared by all that read one, alone for who writes or removes it."""

from __future__ import annotations

import fcntl
import os
import time
from typing import BinaryIO

WAITS = (0.01, 0.03, 0.1, 0.3, 0.5)  # seconds, until who holds a complete file alone has let go of it


def locked(file: BinaryIO, *, alone: bool) -> bool:
    """Lock a file until all that was opened or mapped with it is closed; tell whether that was possible.

    It is not where others hold it, or where it has been removed in the meantime.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def shared(file: BinaryIO, *, complete: bool) -> bool:
    """Lock a file with all others that read it; tell whether that was possible.

    One that is complete is held alone for a moment only, by who gives it its name, removes it, or looks whether that
    could be: this is waited for.
    """
    for wait in WAITS if complete else ():
        if locked(file, alone=False):
            return True
        if not os.fstat(file.fileno()).st_nlink:
            return False
        time.sleep(wait)
    return locked(file, alone=False)
