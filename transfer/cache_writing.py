"""A feature file while it is written: block by block, so that what a killed process had done is there for the next.

HDF5 lays the file out and closes it; after that, features, checksums and the count go to their places by plain writes,
in this order. So a file is sound whenever its process is killed, and writing costs what it costs without HDF5. It is on
the disk before it gets its name, so a complete file is sound when a machine loses power too. Of an unfinished one, what
had not come to the disk may then be lacking; `zoo cache verify` finds that.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from registry.errors import ZooError
from transfer.cache_checks import outside
from transfer.cache_dtypes import BFLOAT16, FLOAT32
from transfer.cache_files import (
    BITS,
    BLOCK,
    CHECKS,
    DONE,
    FORMAT,
    SAMPLES,
    VERSION,
    Layout,
    layout,
    name_of,
    samples_of,
)
from transfer.cache_opened import Opened, continued, new_file
from transfer.data.dataset import Array
from transfer.data.records import Digests
from transfer.narrow import narrowed


class Writing:
    """A file that gets the features of some samples, in their order.

    Args:
        folder: of the key.
        parts: the parts of the key, by name, which the file repeats; its `dtype` is what numbers are rounded to.
        scopes: what the cut's tensors are called.
        samples: the digests of those whose features are to come.
    """

    def __init__(self, folder: Path, parts: Mapping[str, str], scopes: Sequence[str], samples: Digests) -> None:
        self.scopes = scopes
        self._folder, self._parts, self._samples = folder, parts, samples
        self._sums = [0] * len(scopes)  # of the blocks that have begun
        self._opened = continued(folder, samples)
        self._row = self._opened.done if self._opened else 0
        self._refused = False
        self.path: Path | None = None  # of the complete file

    def append(self, arrays: Sequence[Array]) -> None:
        """Write what came out for the next samples, an array a tensor.

        Raises:
            OSError: there is no room, or no right to write there.
            ZooError: a number is too large for the key's type; nothing of the file will be kept.
        """
        arrays = self._narrowed(arrays)
        to = self._opened = self._opened or _begun(self._folder, self._parts, self._samples, self.scopes, arrays)
        pairs = list(zip(arrays, to.layout.tensors, strict=True))
        flat = [np.ascontiguousarray(array, place.dtype).reshape(-1).view(np.uint8) for array, place in pairs]
        start, end = self._row, self._row + len(arrays[0])
        for bytes_, place in zip(flat, to.layout.tensors, strict=True):
            to.write(place.offset + start * place.row, bytes_)
        for row, sums in self._summed(to.layout, flat, start, end):
            _commit(to, row, sums)

    def finish(self) -> None:
        """Give the file its name; it is complete.

        Raises:
            OSError: the disk does not take it, or it cannot be renamed.
        """
        if self._opened is not None:
            if self._row % BLOCK:
                _commit(self._opened, self._row, self._sums)
            os.fdatasync(self._opened.file.fileno())
            self.path = self._folder / name_of(samples_of(self._opened.file, self._opened.layout))
            self._opened.path.replace(self.path)
            self._opened.file.close()

    def close(self) -> None:
        """Leave a file that is not finished for the next process to go on with.

        Without a block yet, or where its type cannot hold the rest, remove it.
        """
        if self._opened is not None and not self._opened.file.closed:
            if self._refused or not self._opened.done:
                self._opened.path.unlink(missing_ok=True)
            self._opened.file.close()

    def _narrowed(self, arrays: Sequence[Array]) -> list[Array]:
        try:
            dtype = self._parts.get("dtype", FLOAT32)
            return [narrowed(array, dtype, scope) for array, scope in zip(arrays, self.scopes, strict=True)]
        except ZooError:
            self._refused = True
            raise

    def _summed(self, layout: Layout, flat: Sequence[Array], start: int, end: int) -> Iterator[tuple[int, list[int]]]:
        """Sum up rows, and yield the end and the checksums of each block that is complete with them."""
        while self._row < end:
            until = min(end, self._row + BLOCK - self._row % BLOCK)
            for number, (bytes_, place) in enumerate(zip(flat, layout.tensors, strict=True)):
                piece = bytes_[(self._row - start) * place.row : (until - start) * place.row]
                self._sums[number] = zlib.crc32(piece.data, self._sums[number])
            self._row = until
            if not until % BLOCK:
                yield until, self._sums
                self._sums = [0] * len(self._sums)


def _commit(to: Opened, row: int, sums: Sequence[int]) -> None:
    """Write the checksums of a block that is complete, and count it."""
    block = (row - 1) // BLOCK
    for number, value in enumerate(sums):
        place = 1 + number * to.layout.blocks + block
        to.write(to.layout.checks.offset + 4 * place, np.array([value], "<u4"))
    to.write(to.layout.done.offset, np.array([row], "<i8"))


def _begun(
    folder: Path, parts: Mapping[str, str], samples: Digests, scopes: Sequence[str], arrays: Sequence[Array]
) -> Opened:
    file, path = new_file(folder)
    try:
        found = _laid_out(path, folder.name, parts, samples, scopes, arrays)
        os.posix_fallocate(file.fileno(), 0, found.places[-1].end)  # a full disk is told now
        opened = Opened(file, path, found)
        opened.write(found.checks.offset, np.array([outside(file, found)], "<u4"))
        return opened
    except BaseException:
        path.unlink(missing_ok=True)
        file.close()
        raise


def _laid_out(
    path: Path, key: str, parts: Mapping[str, str], samples: Digests, scopes: Sequence[str], arrays: Sequence[Array]
) -> Layout:
    blocks = -(-len(samples) // BLOCK)
    with h5py.File(path, "w", libver="latest", locking=False) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "written": time.time(), "key": key, **parts})
        file[SAMPLES] = samples
        _allocate(file, DONE, (1,), "<i8")[:] = 0
        _allocate(file, CHECKS, (1 + len(arrays) * blocks,), "<u4")[:] = 0
        for number, (array, scope) in enumerate(zip(arrays, scopes, strict=True)):
            attributes = {"scope": scope} | ({"dtype": BFLOAT16} if array.dtype == BFLOAT16 else {})
            kind = BITS if array.dtype == BFLOAT16 else array.dtype.str
            _allocate(file, str(number), (len(samples), *array.shape[1:]), kind).attrs.update(attributes)
    return layout(path)


def _allocate(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> h5py.Dataset:
    """Create a dataset whose place in the file is settled at once, and not filled."""
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_layout(h5py.h5d.CONTIGUOUS)
    create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    kind = h5py.h5t.py_create(np.dtype(dtype))
    made = h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(shape), create)
    return h5py.Dataset(made)
