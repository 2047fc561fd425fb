"""Bytes that lie in a file and are read when they are wanted: a span of a file, or bytes that are here already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from registry.errors import ZooError
from transfer.files.shown import shown


class Source(Protocol):
    """A run of bytes of known size."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, count: int) -> bytes:
        """Read `count` bytes from `start` on.

        Raises:
            ZooError: they cannot be read.
        """


@dataclass(frozen=True)
class FileSpan:
    """`size` bytes of a file, from `offset` on."""

    path: Path
    offset: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Read `count` bytes from `start` on.

        Raises:
            ZooError: the file ends before them, or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset + start)
                content = file.read(count)
        except OSError as error:
            raise ZooError(f"cannot read {self.path}: {error.strerror}") from error
        if len(content) != count:
            raise ZooError(f"{self.path} ends early: expected {count} bytes at {self.offset + start}")
        return content


@dataclass(frozen=True)
class Held:
    """Bytes in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def read(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start` on."""
        return self.content[start : start + count]


def size_of(path: Path) -> int:
    """Return a file's size in bytes.

    Raises:
        ZooError: there is no such file, or it cannot be looked at.
    """
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ZooError(f"cannot read the weights {shown(path, 200)}: {reason}") from error
    if not path.is_file():
        raise ZooError(f"{path} is no file; expected a file of weights")
    return size


@dataclass(frozen=True)
class Part:
    """`size` bytes of another run of bytes, from `offset` on."""

    whole: Source
    offset: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Read `count` bytes from `start` on."""
        return self.whole.read(self.offset + start, count)
