"""Text as bytes, plain or gzip'd: counted, and checked to be UTF-8, before anything else reads it."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from registry.errors import ZooError

BLOCK = 2**20
MOST_BYTES = 4 * 2**30  # of text, which a small gzip'd file can claim


def open_text(path: Path) -> BinaryIO:
    """Open a file of text, unpacked where it is gzip'd."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def count_lines(path: Path) -> int:
    """Count a text's lines, the last one too if it has no end.

    Raises:
        ZooError: it is not UTF-8 (naming the byte and the line), or a gzip'd file is broken or too large.
    """
    lines, seen, last = 0, 0, b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for block in _blocks(path):
        _check_utf8(decoder, block, path, lines)
        lines, seen, last = lines + block.count(b"\n"), seen + len(block), block[-1:]
        if seen > MOST_BYTES:
            raise ZooError(f"{path} holds more than {MOST_BYTES / 2**30:.0f} GiB of text", "take a sample of its lines")
    _check_utf8(decoder, b"", path, lines, final=True)
    return lines + (last not in (b"\n", b""))


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with open_text(path) as file:
            while block := file.read(BLOCK):
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ZooError(f"{path} is no whole gzip file: {error}", "fetch or write it again") from error


def _check_utf8(
    decoder: codecs.IncrementalDecoder, block: bytes, path: Path, lines: int, *, final: bool = False
) -> None:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n") + 1
        raise ZooError(
            f"{path}, line {line}: byte 0x{error.object[error.start]:02x} is not UTF-8",
            f"where it is Western European text: iconv -f WINDOWS-1252 -t UTF-8 {path} > utf8.csv",
        ) from error
