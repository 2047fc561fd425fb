"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place beside a file for its content; that becomes the file at the end, and is removed after an error.

    Raises:
        OSError: it cannot take the file's place.
    """
    with _beside(path) as temporary:
        yield temporary
        temporary.replace(path)


def settled(path: Path, content: bytes) -> bytes:
    """Write a file unless there is one; return what it holds, the same for all who do this at once.

    Raises:
        OSError: it cannot be written; or the file system has no hard links, by which no one replaces another's file.
    """
    if not path.exists():
        with _beside(path) as temporary:
            temporary.write_bytes(content)
            with suppress(FileExistsError):
                os.link(temporary, path)
    return path.read_bytes()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a name that no one else has, on this machine or another that sees the folder; remove the file afterwards."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
