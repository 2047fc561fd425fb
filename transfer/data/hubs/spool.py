"""Bytes that come one after the other and are too many for memory, in a nameless file that goes with the process."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array


class Spool(Sequence[bytes]):
    """Pieces of bytes; `add` them all, then read them in any order, from several threads."""

    def __init__(self) -> None:
        self._ends = array("q", [0])
        self._file: Any = tempfile.TemporaryFile()  # noqa: SIM115  it is read as long as this lives
        weakref.finalize(self, self._file.close)  # what is mapped from it stays

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process, with all of its bytes: that has no such file."""
        size = self._ends[-1]
        return Sent, (self._ends, np.memmap(self._file, np.uint8, "r", shape=size) if size else np.zeros(0, np.uint8))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            ZooError: there is no room for it.
        """
        try:
            self._file.write(piece)
        except OSError as error:
            raise _full(error) from error
        self._ends.append(self._ends[-1] + len(piece))

    def done(self) -> Spool:
        """Write what is not written yet; nothing is added after that."""
        try:
            self._file.flush()
        except OSError as error:
            raise _full(error) from error
        return self

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        """Read a piece, or several."""
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        begin, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file.fileno(), end - begin, begin)

    def rows(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return the pieces, each an array's bytes, as one array `(n, *shape)`, mapped from the file."""
        if not self._ends[-1]:
            return np.empty((len(self), *shape), dtype)
        return np.memmap(self._file, dtype, "r", shape=(len(self), *shape))


class Sent(Sequence[bytes]):
    """A spool's pieces in another process: where each begins, and all bytes `(n,) uint8`."""

    def __init__(self, ends: Sequence[int], content: Array) -> None:
        self._ends, self._content = ends, content

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # nobody asks for slices
        """Return a piece."""
        return self._content[self._ends[number] : self._ends[number + 1]].tobytes()


def _full(error: OSError) -> ZooError:
    return ZooError(
        f"cannot write to the temporary folder {tempfile.gettempdir()}: {error.strerror or error}",
        "free some space, or set TMPDIR to another folder",
    )
