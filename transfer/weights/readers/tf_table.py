"""The rows of a TensorFlow table: the `.index` of a checkpoint, or a checkpoint of the first version.

Layout: LevelDB's (https://github.com/google/leveldb/blob/main/doc/table_format.md): blocks of rows whose keys leave
out what they share with the key before; a block of the blocks' places; a footer of 48 bytes that says where it is.
TensorFlow reads it, too, but ends the whole program at some damages: so the rows are checked here first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from registry.errors import ZooError
from transfer.files.source import Source
from transfer.weights.claims import TABLE_MAGIC

FOOTER = 48  # bytes
TRAILER = 5  # bytes behind a block: one for the packing, four of checksum
LARGEST_BLOCK = 2**28  # bytes
LONGEST_KEY = 4096  # bytes
MOST_ROWS = 100_000
VARINT_BITS = 63

Row = tuple[bytes, bytes]


def rows(source: Source, where: str) -> Iterator[Row]:
    """Yield keys and values in the table's order; a block is read when its rows are wanted.

    Args:
        source: the table's bytes.
        where: the file, as an error calls it.

    Raises:
        ZooError: it is damaged, or packed.
    """
    try:
        yield from _rows(source)
    except (ValueError, IndexError, struct.error) as error:
        raise ZooError(f"{where} is no TensorFlow checkpoint, or a damaged one: {error}") from error


def _rows(source: Source) -> Iterator[Row]:
    if source.size < FOOTER:
        raise ValueError(f"it has {source.size} bytes; expected at least {FOOTER}")
    footer = source.read(source.size - FOOTER, FOOTER)
    if not footer.endswith(TABLE_MAGIC):
        raise ValueError("its last bytes are not those of a table")
    _, at = _handle(footer, 0)
    place, _ = _handle(footer, at)
    count = 0
    for _, handle in _block(source, place):
        for row in _block(source, _handle(handle, 0)[0]):
            count += 1
            if count > MOST_ROWS:
                raise ValueError(f"it has more than {MOST_ROWS} rows")
            yield row


def _block(source: Source, place: tuple[int, int]) -> Iterator[Row]:
    offset, size = place
    if size > LARGEST_BLOCK or offset + size + TRAILER > source.size - FOOTER:
        raise ValueError("a block of it lies outside the file")
    content = source.read(offset, size + 1)
    if content[size] != 0:
        raise ValueError("its blocks are packed, which TensorFlow does not do")
    (restarts,) = struct.unpack_from("<I", content, size - 4)
    end = size - 4 - 4 * restarts
    if end < 0:
        raise ValueError("a block of it has no rows")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(content, at)
        own, at = _varint(content, at)
        length, at = _varint(content, at)
        if shared > len(key) or shared + own > LONGEST_KEY or at + own + length > end:
            raise ValueError("a row of it does not fit its block")
        key = key[:shared] + content[at : at + own]
        yield key, content[at + own : at + own + length]
        at += own + length


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Return a block's offset and size, and what follows them."""
    offset, at = _varint(content, at)
    size, at = _varint(content, at)
    return (offset, size), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < VARINT_BITS:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number of it has no end")
