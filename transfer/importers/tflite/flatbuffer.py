"""FlatBuffers tables, every offset and size of which is checked against the file before it is used.

Source: flatbuffers.dev, Internals: a table begins with the distance back to its vtable, which holds for each field the
distance from the table, or 0 where the field is absent; a vector begins with its length; all are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Buffer = Any  # bytes, or a mapped file


class BrokenError(Exception):
    """An offset or a size leads out of the file; the message says of what."""


@dataclass(frozen=True)
class Table:
    """A table at a place in a buffer; fields are named by their slot, counted from 0."""

    data: Buffer
    at: int

    @staticmethod
    def root(data: Buffer, identifier: bytes) -> Table:
        """Return the root table of a buffer with this identifier.

        Raises:
            BrokenError: it has another identifier, or its root lies outside.
        """
        if len(data) < 8 or bytes(data[4:8]) != identifier:
            raise BrokenError(f"it has no identifier {identifier.decode()}")
        return Table(data, _read(data, 0, "<I"))

    def number(self, slot: int, kind: str = "<i", default: float = 0) -> Any:
        """Return a number by its `struct` format."""
        at = self._field(slot)
        return _read(self.data, at, kind) if at else default

    def table(self, slot: int) -> Table | None:
        """Return a table that a field holds; None where it is absent."""
        at = self._field(slot)
        return Table(self.data, at + _read(self.data, at, "<I")) if at else None

    def tables(self, slot: int, most: int) -> list[Table]:
        """Return a vector of tables, at most so many of them."""
        start, length = self._vector(slot, 4)
        if length > most:
            raise BrokenError(f"it lists {length} entries in one place; expected at most {most}")
        places = range(start, start + 4 * length, 4)
        return [Table(self.data, place + _read(self.data, place, "<I")) for place in places]

    def numbers(self, slot: int, dtype: str, most: int | None = None) -> NDArray[Any]:
        """Return a vector of numbers, which lie in the buffer."""
        start, length = self._vector(slot, np.dtype(dtype).itemsize)
        if most is not None and length > most:
            raise BrokenError(f"it lists {length} numbers in one place; expected at most {most}")
        return np.frombuffer(self.data, dtype, length, start) if length else np.zeros(0, dtype)

    def text(self, slot: int, most: int = 4096) -> str:
        """Return a string; bytes that are no UTF-8 are replaced."""
        return self.numbers(slot, "<u1", most).tobytes().decode("utf-8", "replace")

    def has(self, slot: int) -> bool:
        """Tell whether a field is there."""
        return self._field(slot) != 0

    def span(self, slot: int) -> tuple[int, int]:
        """Return where a vector of bytes begins in the buffer, and its length."""
        return self._vector(slot, 1)

    def _field(self, slot: int) -> int:
        vtable = self.at - _read(self.data, self.at, "<i")
        place = 4 + 2 * slot
        if place + 2 > _read(self.data, vtable, "<H"):
            return 0
        distance = _read(self.data, vtable + place, "<H")
        return self.at + distance if distance else 0

    def _vector(self, slot: int, width: int) -> tuple[int, int]:
        at = self._field(slot)
        if not at:
            return 0, 0
        start = at + _read(self.data, at, "<I")
        length = _read(self.data, start, "<I")
        if start + 4 + length * width > len(self.data):
            raise BrokenError(f"a list of {length} entries at byte {start} leads beyond its end")
        return start + 4, length


def _read(data: Buffer, at: int, kind: str) -> Any:
    if at < 0 or at + struct.calcsize(kind) > len(data):
        raise BrokenError(f"an offset leads to byte {at}, outside its {len(data)} bytes")
    return struct.unpack_from(kind, data, at)[0]
