"""Bytes in files, by where they lie, read when they are asked for."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from transfer.files.source import FileSpan


class Places(Sequence[bytes]):
    """Pieces of files; `add` them, then read them in any order, from several threads.

    Args:
        files: that they lie in.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self._file, self._record, self._begin, self._size = array("l"), array("q"), array("q"), array("q")

    def add(self, file: int, record: int, begin: int, size: int) -> None:
        """Note a piece: in which file, of which record, and its bytes."""
        for column, value in ((self._file, file), (self._record, record), (self._begin, begin), (self._size, size)):
            column.append(value)

    def __len__(self) -> int:
        return len(self._file)

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        """Read a piece, or several.

        Raises:
            ZooError: the file is not there any more, or shorter.
        """
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        size = self._size[number]
        return FileSpan(self.files[self._file[number]], self._begin[number], size).read(0, size)

    def where(self, number: int) -> str:
        """Say which record a piece is of."""
        return self.called(self._file[number], self._record[number])

    def called(self, file: int, record: int) -> str:
        """Say which record of which file.

        >>> Places([Path("train.tfrecord")]).called(0, 17)
        'train.tfrecord, record 17'
        """
        return f"{self.files[file]}, record {record}"
