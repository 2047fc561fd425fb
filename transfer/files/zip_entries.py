"""The files in a zip archive, read one at a time and never unpacked to disk.

Layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7 (local header) and 4.3.12.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import shown
from transfer.files.source import FileSpan, size_of

MOST_ENTRIES = 100_000
LARGEST_UNPACKED = 256 * 2**20  # bytes; above it, a ratio over MOST_RATIO is a zip bomb
MOST_RATIO = 200
CHUNK = 2**20
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCAL_HEADER = struct.Struct("<4s22xHH")
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError, EOFError, OverflowError)


@dataclass(frozen=True)
class ZipEntry:
    """One file of an archive; bytes that are stored as they are get read in place."""

    path: Path
    info: zipfile.ZipInfo

    @property
    def size(self) -> int:
        """How many bytes it has when unpacked."""
        return self.info.file_size

    def read(self, start: int, count: int) -> bytes:
        """Read `count` bytes from `start` on; the whole entry is checked by its CRC.

        Raises:
            ZooError: the entry is damaged.
        """
        content = self._stored(start, count) if self.is_stored else self._unpacked(start, count)
        if count == self.size and self.info.CRC != 0:  # PyTorch writes 0 where it was told to compute none
            self._compare(zlib.crc32(content))
        return content

    def check(self) -> None:
        """Compare all of it with its CRC, piece by piece.

        Raises:
            ZooError: the entry is damaged.
        """
        found = 0
        for part in self._parts():
            found = zlib.crc32(part, found)
        self._compare(found)

    @property
    def name(self) -> str:
        """Its name, as an error calls it."""
        return shown(self.info.filename, 200)

    @property
    def is_stored(self) -> bool:
        """Whether its bytes lie there as they are."""
        return self.info.compress_type == zipfile.ZIP_STORED

    @property
    def offset(self) -> int:
        """Where its bytes begin: behind a header of its own, whose size the archive's directory does not say."""
        header = FileSpan(self.path, self.info.header_offset, LOCAL_HEADER.size).read(0, LOCAL_HEADER.size)
        signature, name, extra = LOCAL_HEADER.unpack(header)
        if signature != b"PK\3\4":
            raise ZooError(f"{self.path}: the entry {self.name} is damaged: it has no header")
        return self.info.header_offset + LOCAL_HEADER.size + int(name) + int(extra)

    def _compare(self, found: int) -> None:
        if found != self.info.CRC:
            raise ZooError(f"{self.path}: the entry {self.name} is damaged: its checksum is wrong", AGAIN)

    def _stored(self, start: int, count: int) -> bytes:
        return FileSpan(self.path, self.offset, self.size).read(start, count)

    def _unpacked(self, start: int, count: int) -> bytes:
        content = bytearray()
        for part in self._parts():
            dropped = min(start, len(part))
            start -= dropped
            content += part[dropped:]
            if len(content) >= count:
                return bytes(content[:count])
        raise ZooError(f"{self.path}: the entry {self.name} ends early: expected {count} bytes")

    def _parts(self) -> Iterator[bytes]:
        """Yield its content piece by piece, each of at most `CHUNK` bytes; `zipfile` would list the archive again."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                yield from self._pieces(file) if self.is_stored else self._inflated(file)
        except (zlib.error, OSError) as error:
            raise ZooError(f"{self.path}: the entry {self.name} is damaged: {shown(error, 100)}") from error

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        left = self.size
        while left > 0 and (part := file.read(min(CHUNK, left))):
            left -= len(part)
            yield part

    def _inflated(self, file: BinaryIO) -> Iterator[bytes]:
        packed, left = zlib.decompressobj(-zlib.MAX_WBITS), self.info.compress_size
        while not packed.eof:
            chunk = packed.unconsumed_tail or file.read(min(CHUNK, left))
            left -= 0 if packed.unconsumed_tail else len(chunk)
            part = packed.decompress(chunk, CHUNK)
            if not chunk and not part:
                return
            yield part


def entries(path: Path) -> dict[str, ZipEntry]:
    """List the files of an archive by name, in its order.

    Raises:
        ZooError: it is no zip archive, is damaged, or has entries that no file of weights has: names outside the
            archive's folder, the same name twice, encrypted, packed by another method than deflate, a zip bomb.
    """
    size = size_of(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (*BROKEN, OSError) as error:
        raise ZooError(f"{path} is no zip archive, or a damaged one: {_reason(error)}", AGAIN) from error
    if len(infos) > MOST_ENTRIES:
        raise ZooError(f"{path} has {len(infos)} entries; at most {MOST_ENTRIES} are read")
    for info in infos:
        _check(info, size, path)
    found = {info.filename: ZipEntry(path, info) for info in infos}
    if len(found) != len(infos):
        raise ZooError(f"{path} has two entries of one name; expected each name once")
    return found


def _reason(error: Exception) -> str:
    told = shown(error, 100)
    return "it lacks the directory at its end, as when it is cut short" if told == "File is not a zip file" else told


def _check(info: zipfile.ZipInfo, size: int, path: Path) -> None:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        raise ZooError(
            f"{path} has the entry {shown(info.filename, 200)!r}, which points outside the archive; it is not read"
        )
    if info.flag_bits & ENCRYPTED or info.compress_type not in METHODS:
        raise ZooError(
            f"{path}: the entry {shown(info.filename, 200)} is encrypted or packed by another method than deflate"
        )
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise ZooError(f"{path}: the entry {shown(info.filename, 200)} is damaged: it is stored, and has two sizes")
    if info.header_offset < 0 or info.header_offset + info.compress_size > size:
        raise ZooError(
            f"{path}: the entry {shown(info.filename, 200)} lies outside the file, which is truncated or damaged"
        )
    if info.file_size > max(LARGEST_UNPACKED, MOST_RATIO * info.compress_size):
        raise ZooError(
            f"{path}: the entry {shown(info.filename, 200)} claims to unpack {info.compress_size} bytes to "
            f"{info.file_size}; at most {MOST_RATIO} times as many are read"
        )
