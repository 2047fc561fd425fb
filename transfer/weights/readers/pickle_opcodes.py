"""The opcodes of a pickle one after another, with bounds: how many, how long, and nothing beyond the file's end.

Opcodes: the standard library's `pickletools`, protocols 0 to 5.
"""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from registry.errors import ZooError
from transfer.weights.readers.pickle_tree import Span

MOST_OPCODES = 1_500_000
LONGEST = 1024  # bytes; longer strings stay in the file
LONGEST_LINE = 2**28  # bytes of a string in the text form of protocol 0
LARGEST_NUMBER = 64  # bytes of an integer
LENGTHS = {
    "BINBYTES": "<I", "BINBYTES8": "<Q", "BYTEARRAY8": "<Q", "BINSTRING": "<i", "BINUNICODE": "<I",
    "BINUNICODE8": "<Q", "LONG4": "<i",
}  # fmt: skip
CODES: dict[bytes, Any] = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}


class Opcodes:
    """The opcodes of one pickle in a seekable file, which is left behind the pickle's end.

    Args:
        file: at the pickle's beginning.
        size: of the whole file in bytes.
        where: the file, as an error calls it.
    """

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file, self._size, self._where = file, size, where
        self._left = MOST_OPCODES

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield names and arguments up to STOP.

        Raises:
            ZooError: there are more than `MOST_OPCODES`.
            ValueError: the pickle is damaged; so do `struct.error` and `OverflowError`.
        """
        name = ""
        while name != "STOP":
            self.spend(1)
            opcode = CODES.get(self._file.read(1))
            if opcode is None:
                raise ValueError("there is no such opcode, or the end is missing")
            name = opcode.name
            yield name, self._argument(opcode)

    @property
    def position(self) -> int:
        """Where the next opcode is, in bytes."""
        return self._file.tell()

    def spend(self, steps: int) -> None:
        """Count steps that opcodes ask for.

        Raises:
            ZooError: they are too many.
        """
        self._left -= steps
        if self._left < 0:
            raise ZooError(
                f"{self._where} holds more than {MOST_OPCODES} pickle opcodes; no file of weights does, it is not read"
            )

    def readline(self) -> bytes:
        """Read a line; `pickletools` reads arguments by this and `read`."""
        line = self._file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise ValueError("a line has no end")
        return line

    def read(self, count: int) -> bytes:
        """Read at most `count` bytes, which are few."""
        return self._file.read(count)

    def _argument(self, opcode: Any) -> Any:
        if opcode.name in LENGTHS:
            return self._string(opcode.name)
        if opcode.name == "STRING":
            start = self._file.tell()
            return Span(start, len(self.readline()), "escape")
        if opcode.name in ("GLOBAL", "INST"):
            return self._line(), self._line()
        if opcode.name == "PERSID":
            return self._line()
        return None if opcode.arg is None else opcode.arg.reader(self)

    def _line(self) -> str:
        return self.readline()[:-1].decode("utf-8")

    def _string(self, name: str) -> Any:
        """Read a string with its length before it, or leave it where it is."""
        form = LENGTHS[name]
        (length,) = struct.unpack(form, self._file.read(struct.calcsize(form)))
        start = self._file.tell()
        if not 0 <= length <= self._size - start:
            raise ValueError(f"it declares a string of {length} bytes, and {self._size - start} are left")
        if name == "LONG4":
            return _number(self._file.read(min(length, LARGEST_NUMBER + 1)))
        if length > LONGEST:
            self._file.seek(length, io.SEEK_CUR)
            return Span(start, length, "utf-8" if "UNICODE" in name else "")
        content = self._file.read(length)
        if "BYTE" in name:
            return content
        return content.decode("utf-8" if "UNICODE" in name else "latin-1")


def _number(content: bytes) -> int:
    if len(content) > LARGEST_NUMBER:
        raise ValueError("it holds a giant number")
    return int.from_bytes(content, "little", signed=True)
