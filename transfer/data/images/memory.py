"""What is known of files by their size and time, so that they need not be read again.

A memory is one file, version 1: 16 bytes `zoo-filememory-1`, the sha256 of what follows, then records, little-endian:
`path u8`, `stamp u8 x 2`, `value u1 x width`. The first two are of BLAKE2b (RFC 7693): of the absolute path, and of
path, size, time in nanoseconds and inode. The file is written whole beside its place and renamed; of two writers at
once the last one wins, and what the other knew is found out again. A damaged file is not used.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.home import make_folder

MAGIC = b"zoo-filememory-1"
HEADER_BYTES = len(MAGIC) + 32
MOST_RECORDS = 1_000_000
RACY_NS = 2 * 10**9  # a file that is younger may be written again within its time's resolution
STAMP = np.dtype([("path", "<u8"), ("stamp", "<u8", (2,)), ("racy", "?")])
Stamps = NDArray[Any]


def stamps_of(paths: Sequence[Path | str]) -> Stamps:
    """Look at files, one `stat` each: what they are known by, and whether that is to be relied on.

    One that is missing has the stamp 0 and is racy, so that nothing is known of it and nothing is kept.
    """
    stamps, latest = np.zeros(len(paths), STAMP), time.time_ns() - RACY_NS
    for row, path in enumerate(paths):
        name = os.fsencode(os.path.abspath(path))  # noqa: PTH100  Path.absolute leaves `..` and takes ten times as long
        stamps[row] = _stamp(name, path, latest)
    return stamps


def _stamp(name: bytes, path: Path | str, latest: int) -> tuple[int, tuple[int, int], bool]:
    place = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return place, (0, 0), True
    text = b"%d %d %d %b" % (found.st_size, found.st_mtime_ns, found.st_ino, name)
    first, second = struct.unpack("<QQ", hashlib.blake2b(text, digest_size=16).digest())
    return place, (first, second), found.st_mtime_ns > latest


class FileMemory:
    """Values of `width` bytes, by files' stamps.

    Args:
        folder: where to remember; None remembers nothing.
        name: what is remembered; the file is called by it.
        width: of each value, in bytes.
    """

    def __init__(self, folder: Path | None, name: str, width: int) -> None:
        self._path = None if folder is None else folder / f"{name}.memory"
        self._dtype = np.dtype([("path", "<u8"), ("stamp", "<u8", (2,)), ("value", "u1", (width,))])

    def lookup(self, stamps: Stamps) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        """Return which files are known `(n,)`, and their values `(n, width)`, 0 where they are not."""
        records = self._records()
        records = records[np.argsort(records["path"])]
        values = np.zeros((len(stamps), *self._dtype["value"].shape), np.uint8)
        if not len(records):
            return np.zeros(len(stamps), bool), values
        places = np.minimum(np.searchsorted(records["path"], stamps["path"]), len(records) - 1)
        found = records[places]
        known = (found["path"] == stamps["path"]) & (found["stamp"] == stamps["stamp"]).all(axis=1) & ~stamps["racy"]
        values[known] = found["value"][known]
        return known, values

    def keep(self, stamps: Stamps, values: NDArray[np.uint8]) -> None:
        """Remember files' values, besides what is known of other files; of more than a million the oldest are lost."""
        lasting = ~stamps["racy"]
        if self._path is None or not lasting.any():
            return
        _, first = np.unique(stamps["path"][lasting], return_index=True)
        new = np.zeros(len(first), self._dtype)
        new["path"], new["stamp"] = stamps["path"][lasting][first], stamps["stamp"][lasting][first]
        new["value"] = values[lasting][first]
        old = self._records()
        old = old[~np.isin(old["path"], new["path"])]
        _write(self._path, np.concatenate([old, new])[-MOST_RECORDS:].tobytes())

    def _records(self) -> NDArray[Any]:
        try:
            text = b"" if self._path is None else self._path.read_bytes()
        except OSError:
            text = b""
        body = text[HEADER_BYTES:]
        if text[:HEADER_BYTES] != _header(body) or len(body) % self._dtype.itemsize:
            return np.zeros(0, self._dtype)
        return np.frombuffer(body, self._dtype)


def _header(body: bytes) -> bytes:
    return MAGIC + hashlib.sha256(body).digest()


def _write(path: Path, body: bytes) -> None:
    make_folder(path.parent)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            file.write(_header(body) + body)
        Path(file.name).replace(path)
    except OSError:  # a full disk: what is not remembered is found out again
        return
