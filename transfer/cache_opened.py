"""Feature files that only this process writes: a new one, or one that a killed process has left, to be gone on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from registry.home import make_folder
from transfer.cache_files import (
    BLOCK,
    SUFFIX,
    UNFINISHED,
    UNREADABLE,
    Layout,
    done_of,
    layout,
    samples_of,
    unfinished_in,
)  # fmt: skip
from transfer.cache_locks import locked
from transfer.data.records import Digests


@dataclass(frozen=True)
class Opened:
    """A file that only this process writes, and where everything lies in it."""

    file: BinaryIO
    path: Path
    layout: Layout

    def write(self, offset: int, data: Any) -> None:
        """Write a buffer to a place of the file."""
        left = memoryview(data).cast("B")
        while left:
            count = os.pwrite(self.file.fileno(), left, offset)
            left, offset = left[count:], offset + count

    @property
    def done(self) -> int:
        """How many samples' features are there."""
        return done_of(self.file, self.layout)


def new_file(folder: Path) -> tuple[BinaryIO, Path]:
    """Make a file that is locked before anyone can take it for what a killed process has left."""
    while True:
        make_folder(folder)
        path = folder / f"{UNFINISHED}{os.urandom(8).hex()}{SUFFIX}"
        try:
            file = path.open("x+b", buffering=0)  # others may read it as far as the umask lets them
        except FileNotFoundError:  # another process has removed the folder, which was empty
            continue
        if locked(file, alone=True):
            return file, path
        file.close()


def begun(folder: Path, samples: Digests) -> int:
    """Return how many of some samples, from the first on, a file has whose process was killed before it had all."""
    for opened in _left(folder):
        with opened.file:
            held, done = samples_of(opened.file, opened.layout), opened.done
            before = len(held) - len(samples)
            if before >= 0 and before < done < len(held) and np.array_equal(held[before:], samples):
                return done - before
    return 0


def rests(folder: Path) -> Iterator[Digests]:
    """Yield what each file lacks that a killed process left: digests `(n, 32) uint8`, in the file's order."""
    for opened in _left(folder):
        with opened.file:
            yield samples_of(opened.file, opened.layout)[opened.done :]


def continued(folder: Path, samples: Digests) -> Opened | None:
    """Find a file that a killed process left, and that lacks just these samples."""
    for opened in _left(folder):
        held = samples_of(opened.file, opened.layout)
        if np.array_equal(held[opened.done :], samples):
            return opened
        opened.file.close()
    return None


def _left(folder: Path) -> Iterator[Opened]:
    """Yield the files that killed processes left with some blocks done, locked; who takes one closes it."""
    for path in unfinished_in(folder):
        try:
            file = path.open("r+b", buffering=0)
        except OSError:
            continue
        try:
            if locked(file, alone=True):
                found = Opened(file, path, layout(path))
                if found.done in range(0, found.layout.samples.shape[0], BLOCK):
                    yield found
                    continue
        except UNREADABLE:  # it was killed before it was laid out
            pass
        file.close()
