"""How a process on another machine knows that a folder is the very one that is meant, and no other of that path."""

from __future__ import annotations

import uuid
from pathlib import Path

from registry.errors import ZooError
from registry.home import make_folder
from registry.whole import settled

MARK = "disk"  # the file's name


def disk_of(root: Path) -> str:
    """Return what is written in a folder to know it by; it is written the first time.

    Raises:
        ZooError: the folder cannot be written.
    """
    path = make_folder(root) / MARK
    try:
        return settled(path, uuid.uuid4().hex.encode()).decode()
    except OSError as error:
        raise ZooError(
            f"cannot write {path}: {error.strerror or error}", "set ZOO_HOME to a folder that you can write to"
        ) from error


def is_disk(root: Path, known: str) -> bool:
    """Tell whether this machine sees the folder that is known by a text."""
    try:
        return (root / MARK).read_text() == known
    except (OSError, ValueError):
        return False
