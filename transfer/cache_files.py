"""Feature files: their layout, and how they are read. HDF5 only, no TensorFlow.

A folder for each key holds files ("shards"), each with the features of some samples; no sample is in two of them
unless two processes extracted it at once. Layout of a shard, version 3. Attributes of the file: `format`
("zoo-features"), `version`, `written` (Unix seconds), `key`, and each part of the key under its own name. Datasets, all
contiguous and none resized, so that what follows their allocation is plain writing into the file:

    samples (n, 32) uint8       the sha256 of each sample's content
    0, 1, …  (n, ...)           a tensor of the cut, with its name as attribute `scope`: of the key's `dtype` (bfloat16
                                as <u2 with attribute `dtype`: HDF5 has none), or the whole numbers of an input
    done     (1,) <i8           how many samples' features are there; n in a shard that is complete
    checks   (1 + t * b,) <u4   CRC-32 of all bytes outside tensors, `done` and `checks`, then of each
                                tensor's blocks of 256 samples

A shard is complete or absent: it is written as `tmp-….h5`, then renamed to the beginning of the sha256 of `samples`.
The checks are in the file from the moment that `done` counts their block, so a file whose process was killed is good
for its first `done` samples. Who reads or writes a file holds a lock on it (`flock`; an array that is mapped from it
holds a shared one for as long as it lives), and what is locked is never removed. The file's
mtime is the time of its last use.
"""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import h5py
import ml_dtypes  # noqa: F401  teaches NumPy the name bfloat16
import numpy as np

from transfer.cache_dtypes import BFLOAT16
from transfer.cache_errors import unread
from transfer.cache_locks import shared
from transfer.data.dataset import Array
from transfer.data.records import Digests
from transfer.inputs import Arrays

FORMAT = "zoo-features"
VERSION = 3
SUFFIX = ".h5"
UNFINISHED = "tmp-"
BITS = "<u2"  # what bfloat16 lies as in HDF5
SAMPLES, DONE, CHECKS = "samples", "done", "checks"
UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError)  # what reading something else raises
BLOCK = 256  # samples that have a checksum together, and that an interruption loses at most of what was written


@dataclass(frozen=True)
class Place:
    """A contiguous dataset: where its numbers lie in the file, and of which NumPy type, by its name."""

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def row(self) -> int:
        """Bytes of one entry of its first axis."""
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.shape[0] * self.row


@dataclass(frozen=True)
class Layout:
    """Where everything lies in a feature file."""

    samples: Place
    tensors: tuple[Place, ...]
    done: Place
    checks: Place
    scopes: tuple[str, ...]

    @property
    def blocks(self) -> int:
        """How many blocks each tensor has."""
        return math.ceil(self.samples.shape[0] / BLOCK)

    @property
    def places(self) -> list[Place]:
        """All datasets, in the file's order."""
        return sorted((self.samples, *self.tensors, self.done, self.checks), key=lambda place: place.offset)


@dataclass(frozen=True)
class Shard:
    """The features of some samples: their digests `(n, 32) uint8`, an array `(n, ...)` a tensor, mapped, and where."""

    samples: Digests
    arrays: Arrays
    path: Path | None = None

    def touch(self) -> None:
        """Record that it was used now; where that cannot be written, it counts as older than it is."""
        if self.path is not None:
            try:
                os.utime(self.path)
            except OSError:
                return


def keys(samples: Digests) -> list[bytes]:
    """Return digests `(n, 32) uint8` as bytes, which a dictionary can hold."""
    text = np.ascontiguousarray(samples).tobytes()
    return [text[start : start + 32] for start in range(0, len(text), 32)]


def name_of(samples: Digests) -> str:
    """Name a shard by its samples."""
    return hashlib.sha256(np.ascontiguousarray(samples).data).hexdigest()[:32] + SUFFIX


def shards_in(folder: Path) -> list[Path]:
    """List a key's complete shards, by name."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(UNFINISHED))


def unfinished_in(folder: Path) -> list[Path]:
    """List the files of a key that are being written, or whose process was killed."""
    return sorted(folder.glob(f"{UNFINISHED}*"))


def read(path: Path) -> Shard:
    """Open a shard, or what is there of one that is unfinished; the arrays are memory-mapped and read-only.

    Raises:
        FileNotFoundError: it was removed, or others are writing it.
        RefusedError: the system does not let this process read it.
        ZooError: it is no feature file of this key, or cut short.
    """
    complete = not path.name.startswith(UNFINISHED)
    try:
        with path.open("rb") as file:
            if not shared(file, complete=complete):
                raise FileNotFoundError(path)
            found = layout(path)
            done = done_of(file, found)
            if not 0 <= done <= found.samples.shape[0] or (complete and done < found.samples.shape[0]):
                raise ValueError(f"it has the features of {done} samples and the digests of {found.samples.shape[0]}")
            arrays = tuple(_mapped(file, place)[:done] for place in found.tensors)
            return Shard(samples_of(file, found)[:done], arrays, path)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise unread(path, error) from error


def layout(path: Path) -> Layout:
    """Say where everything lies in a feature file.

    Raises:
        UNREADABLE: it is no feature file of this version and key, or not whole.
    """
    with h5py.File(path, "r", locking=False) as file:
        if file.attrs.get("format") != FORMAT:
            raise ValueError("it is no feature file")
        if file.attrs.get("version") != VERSION or file.attrs.get("key") != path.parent.name:
            raise ValueError("its version or key is another")
        names = sorted((name for name in file if name.isdigit()), key=int)
        places = [_place(file[name]) for name in (SAMPLES, DONE, CHECKS, *names)]
        found = Layout(places[0], tuple(places[3:]), places[1], places[2], tuple(_scope(file[name]) for name in names))
    _check(found)
    if max(place.end for place in found.places) > path.stat().st_size:
        raise ValueError("it is cut short")
    return found


def _place(dataset: h5py.Dataset) -> Place:
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} holds no numbers")
    offset = dataset.id.get_offset()
    if offset is None and dataset.size:
        raise ValueError(f"{dataset.name} does not lie in one piece")
    return Place(offset or 0, tuple(map(int, dataset.shape)), _dtype(dataset))


def _dtype(dataset: h5py.Dataset) -> str:
    stored, told = str(dataset.dtype.str), dataset.attrs.get("dtype")
    if told is None:
        return stored
    if (stored, str(told)) != (BITS, BFLOAT16):
        raise ValueError(f"{dataset.name} says that its {stored} are {str(told)[:40]!r}")
    return BFLOAT16


def _scope(dataset: h5py.Dataset) -> str:
    return str(dataset.attrs.get("scope", ""))


def _check(found: Layout) -> None:
    if not found.tensors:
        raise ValueError("it holds no features")
    shapes = [place.shape for place in (found.samples, *found.tensors)]
    whole = {shape[:1] for shape in shapes} == {shapes[0][:1]}
    if found.samples.dtype != "|u1" or shapes[0][1:] != (32,) or not whole:
        told = ", ".join(map(str, shapes[1:]))
        raise ValueError(f"it has samples {shapes[0]} {np.dtype(found.samples.dtype)} and features {told}")
    expected = ((1,), "<i8", (1 + len(found.tensors) * found.blocks,), "<u4")
    got = (found.done.shape, found.done.dtype, found.checks.shape, found.checks.dtype)
    if got != expected:
        raise ValueError(f"its counts are {got}, expected {expected}")


def _array(file: BinaryIO, place: Place) -> Array:
    file.seek(place.offset)
    return np.frombuffer(file.read(place.end - place.offset), place.dtype).reshape(place.shape)


def _mapped(file: BinaryIO, place: Place) -> Array:
    if place.end == place.offset:
        return np.zeros(place.shape, place.dtype)
    return np.memmap(file, place.dtype, "r", place.offset, place.shape)  # keeps the file open, and so its lock


def checks_of(file: BinaryIO, found: Layout) -> Array:
    """Return the checksums, `(1 + t * b,) uint32`."""
    return _array(file, found.checks)


def samples_of(file: BinaryIO, found: Layout) -> Digests:
    """Return the digests of all samples, `(n, 32) uint8`, of an unfinished file too."""
    return _array(file, found.samples)


def done_of(file: BinaryIO, found: Layout) -> int:
    """Return how many samples' features are there."""
    return int(_array(file, found.done)[0])
