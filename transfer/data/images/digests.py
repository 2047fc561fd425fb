"""The sha256 of images, in threads; of a file remembered by its size and time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from transfer.data.images.memory import FileMemory, stamps_of
from transfer.data.images.parallel import in_threads
from transfer.data.records import Digests

BYTES = 32
READ_BYTES = 2**20


def digests_of(open_row: Callable[[int], BinaryIO], count: int) -> Digests:
    """Hash the bytes of images, `(count, 32) uint8`.

    Raises:
        ZooError: one cannot be opened.
    """
    found = b"".join(in_threads(lambda row: _hashed(open_row(row)), count))
    return np.frombuffer(found, np.uint8).reshape(count, BYTES)


def file_digests(
    paths: Sequence[Path], open_row: Callable[[int], BinaryIO], memory: Path | None, paranoid: bool
) -> Digests:
    """Hash files, `(n, 32) uint8`, but for those whose size and time are as they are remembered.

    Args:
        paths: the files.
        open_row: opens one by its row.
        memory: the folder where digests are remembered; None remembers nothing.
        paranoid: read all of them.

    Raises:
        ZooError: one cannot be opened.
    """
    remembered = FileMemory(memory, "image-digests", BYTES)
    before = stamps_of(paths)
    known, digests = remembered.lookup(before)
    unknown = np.arange(len(paths)) if paranoid else np.flatnonzero(~known)
    if len(unknown):
        digests[unknown] = digests_of(lambda place: open_row(int(unknown[place])), len(unknown))
        after = stamps_of([paths[int(row)] for row in unknown])
        # One that was written while it was read is not remembered.
        after["racy"] |= before["racy"][unknown] | (after["stamp"] != before["stamp"][unknown]).any(axis=1)
        remembered.keep(after, digests[unknown])
    return digests


def _hashed(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    with file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.digest()
