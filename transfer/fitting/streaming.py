"""Training samples that are larger than memory, read in shuffled windows while the window before is trained on.

An epoch takes the file's stretches of neighbouring samples in random order, `WINDOW_BYTES` of them at a time, and
shuffles the samples of each window. So a batch holds samples from hundreds of places of the file, and reading is nearly
as fast as in order. Three windows are in memory at most: the one that is trained on, the one after it, which a thread
reads meanwhile, and the one before, which a step may still hold. Pages of the file are given back at once.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from transfer.data.dataset import Array
from transfer.data.records import Rows
from transfer.pieced import Held, Pieced

WINDOW_BYTES = 64 * 2**20
STRETCH_BYTES = 256 * 2**10
BUDGET = 4 * WINDOW_BYTES  # what streaming adds to a process at most
GAP = 16  # rows between two that are read together
POPULATE = 22  # MADV_POPULATE_READ of Linux 5.14: maps pages together, and not as each is touched
UNUSED = 3  # references to a room that nobody uses: the list, the loop over it, and the argument that is counted
ALIGNED = 64  # bytes; an array that begins at a multiple of it becomes a tensor without a copy


@dataclass(frozen=True)
class Windows:
    """How samples are read: so many steps of `batch` samples a window, from stretches of so many samples."""

    steps: int
    batch: int
    stretch: int

    @classmethod
    def of(cls, bytes_: int, batch: int) -> Windows:
        """Make windows for samples of so many bytes."""
        steps = max(1, WINDOW_BYTES // (bytes_ * batch))
        return cls(steps, batch, max(1, STRETCH_BYTES // bytes_))

    def order(self, draws: np.random.Generator, n: int) -> Rows:
        """Draw an epoch's order of `n` samples, `(n,) int64`; of one window, it is the order in memory.

        >>> Windows(2, 2, 2).order(np.random.default_rng(0), 8)
        array([1, 0, 5, 4, 3, 7, 2, 6])
        """
        size = self.steps * self.batch
        if size >= n:
            return draws.permutation(n)
        stretch = min(self.stretch, n)
        starts = draws.permutation(-(-n // stretch)) * stretch
        rows = (starts[:, None] + np.arange(stretch)).reshape(-1)
        rows = rows[rows < n]
        return np.concatenate([draws.permutation(rows[first : first + size]) for first in range(0, n, size)])


class Stream:
    """Arrays in files, `(n, ...)` each, whose rows are read ahead."""

    def __init__(self, arrays: Sequence[Held]) -> None:
        self._arrays = arrays
        self._rooms = [Rooms() for _ in arrays]
        self._thread = ThreadPoolExecutor(1, "zoo-reads-ahead")
        self._ahead: tuple[Rows, Future[list[Array]]] | None = None

    def window(self, rows: Rows, following: Rows) -> list[Array]:
        """Return some rows of each array, in their order, and begin to read the following ones.

        Where the rows are not those that were announced before, they are read now.
        """
        ahead, self._ahead = self._ahead, None
        announced = ahead is not None and np.array_equal(ahead[0], rows)
        coming = ahead[1] if ahead is not None and announced else self._thread.submit(self._read, rows)
        found = coming.result()
        if following.size:
            self._ahead = following, self._thread.submit(self._read, following)
        return found

    def _read(self, rows: Rows) -> list[Array]:
        return [read(array, rows.reshape(-1), rooms) for array, rooms in zip(self._arrays, self._rooms, strict=True)]


def read(array: Held, rows: Rows, rooms: Rooms | None = None) -> Array:
    """Return some rows of a mapped array, or of one in several files, in memory and in their order."""
    found = (rooms or Rooms()).empty((len(rows), *array.shape[1:]), array.dtype)
    if isinstance(array, Pieced):
        for places, part, inside in array.parted(rows):
            _fill(found, places, part, inside)
    else:
        _fill(found, np.arange(len(rows)), array, rows)
    return found


def _fill(found: Array, into: Rows, array: Array, rows: Rows) -> None:
    """Read some rows of a mapped array into places of another, the file in its own order."""
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    runs, pages = list(_runs(ascending)), _Pages.of(array)
    places = [(first, last, int(ascending[first]), int(ascending[last - 1]) + 1) for first, last in runs]
    if pages:
        for *_, low, high in places:
            pages.advise(mmap.MADV_WILLNEED, low, high)
    for number, (first, last, low, high) in enumerate(places, 1):
        if pages:
            pages.advise(POPULATE, low, high)
        found[into[order[first:last]]] = array[low:high] if high - low == last - first else array[ascending[first:last]]
        if pages and (number % 32 == 0 or number == len(places)):
            pages.release()


class Rooms:
    """Memory for one array's windows, used again when the tensors of it are gone: fresh pages cost what a copy does."""

    def __init__(self) -> None:
        self._rooms: list[Array] = []

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array to be filled, which begins where a tensor without a copy may begin."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._rooms = [room for room in self._rooms if len(room) >= size + ALIGNED]
        room = next((one for one in self._rooms if sys.getrefcount(one) == UNUSED), None)
        if room is None:
            room = np.empty(size + ALIGNED, np.uint8)
            self._rooms.append(room)
        skipped = -room.ctypes.data % ALIGNED
        found: Array = room[skipped : skipped + size].view(dtype).reshape(shape)
        return found


def _runs(rows: Rows) -> Iterator[tuple[int, int]]:
    """Yield the beginning and the end of each run of neighbours in sorted rows."""
    ends = [0, *(np.flatnonzero((np.diff(rows) > GAP) | (np.diff(rows) == 0)) + 1).tolist(), len(rows)]
    yield from ((first, last) for first, last in pairwise(ends) if last > first)


@dataclass(frozen=True)
class _Pages:
    """The pages of a mapped array, which the system can be told about."""

    mapped: mmap.mmap
    offset: int
    row: int

    @classmethod
    def of(cls, array: Array) -> _Pages | None:
        mapped = getattr(array, "_mmap", None)
        if not isinstance(mapped, mmap.mmap) or not array.flags.c_contiguous or not array.size:
            return None
        start = np.frombuffer(mapped, np.uint8, 1).ctypes.data
        return cls(mapped, array.ctypes.data - start, array.strides[0])

    def advise(self, what: int, low: int, high: int) -> None:
        """Tell the system what is to come of some rows; where it does not know the word, all goes on more slowly."""
        start = (self.offset + low * self.row) // mmap.PAGESIZE * mmap.PAGESIZE
        with suppress(OSError):
            self.mapped.madvise(what, start, min(self.offset + high * self.row, len(self.mapped)) - start)

    def release(self) -> None:
        """Give back all pages, those that came along with their neighbours too; the system's cache may keep them."""
        self.mapped.madvise(mmap.MADV_DONTNEED)
