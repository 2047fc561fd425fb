"""Walk the fields of a serialised protobuf message without copying it.

A caffemodel is one message of up to gigabytes, nearly all of it packed floats. This finds where they lie, so that each
array is a view of the file. Source: protobuf.dev/programming-guides/encoding. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VARINT, I64, LEN, I32 = 0, 1, 2, 5
MOST_FIELDS = 500_000  # a real file has some thousands; more would only cost time


class DamagedError(Exception):
    """The bytes are no protobuf message; the text says where."""


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        number: its number in the schema.
        wire: its wire type.
        begin: where its tag starts.
        start: where its value starts.
        stop: where its value ends.
    """

    number: int
    wire: int
    begin: int
    start: int
    stop: int


class Walk:
    """The fields of nested messages in one buffer, counted over all of them."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self._left = MOST_FIELDS

    def fields(self, start: int, stop: int) -> Iterator[Field]:
        """Yield the fields between two places.

        Raises:
            DamagedError: a tag, a length or a varint is impossible, or there are more fields than `MOST_FIELDS`.
        """
        while start < stop:
            self._left -= 1
            if self._left < 0:
                raise DamagedError(f"it has more than {MOST_FIELDS:,} fields")
            tag, at = self.varint(start, stop)
            length, at = self._length(tag & 7, at, stop)
            if tag < 8 or at + length > stop:
                raise DamagedError(f"the field at byte {start} does not fit into its message")
            yield Field(tag >> 3, tag & 7, start, at, at + length)
            start = at + length

    def _length(self, wire: int, at: int, stop: int) -> tuple[int, int]:
        if wire == LEN:
            return self.varint(at, stop)
        if wire == VARINT:
            return self.varint(at, stop)[1] - at, at
        if wire in (I64, I32):
            return (8 if wire == I64 else 4), at
        raise DamagedError(f"the field at byte {at} has the wire type {wire}")

    def varint(self, at: int, stop: int) -> tuple[int, int]:
        """Read a number; return it and the place behind it.

        Raises:
            DamagedError: it is longer than ten bytes or than its message.
        """
        value = 0
        for place in range(10):
            if at + place >= stop:
                break
            byte = self.data[at + place]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise DamagedError(f"the number at byte {at} does not end")


def encoded(value: int) -> bytes:
    """Return a number as a varint; the inverse of `Walk.varint`.

    >>> Walk(encoded(300)).varint(0, 2)
    (300, 2)
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
