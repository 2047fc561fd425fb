"""Feature files: their layout, how they are read and listed. HDF5 only, no TensorFlow.

A folder for each key holds files ("shards"), each with the features of some samples; no sample is in two of them
unless two processes extracted it at once. Layout of a shard, version 2. Attributes of the file: `format`
("zoo-features"), `version`, `key`, and each part of the key under its own name. Datasets: `samples (n, 32) uint8`,
the sha256 of each sample's content; and one contiguous dataset `(n, ...)` for each tensor of the cut, named by its
position and with its name as attribute `scope`, of float32, or of whole numbers where the tensor is an input that
takes such. A shard is complete or absent: it is written beside its place, then renamed; its name is the beginning of
the sha256 of `samples`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.records import Digests
from transfer.inputs import Arrays
from transfer.spilled import room_for

FORMAT = "zoo-features"
VERSION = 2
SUFFIX = ".h5"
SAMPLES = "samples"
GATHERED = 4096  # samples that are copied at once


@dataclass(frozen=True)
class Shard:
    """The features of some samples: their digests `(n, 32) uint8`, and an array `(n, ...)` a tensor, mapped."""

    samples: Digests
    arrays: Arrays


@dataclass(frozen=True)
class Entry:
    """All features of one key: the key in hex, their size, when they were written last (Unix seconds), the key's
    parts, how many samples and how many files.
    """  # fmt: skip

    key: str
    bytes: int
    written: float
    parts: dict[str, str]
    samples: int
    files: int


class Shards:
    """The shards of one key, as one collection of samples."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._places: dict[bytes, tuple[int, int]] = {}
        for number, shard in enumerate(shards):
            self._places |= {sample: (number, row) for row, sample in enumerate(keys(shard.samples))}

    def missing(self, samples: Digests) -> dict[bytes, int]:
        """Return the samples that are not here, each once, with its first position in `samples`."""
        absent = [(sample, row) for row, sample in enumerate(keys(samples)) if sample not in self._places]
        return dict(reversed(absent))

    def take(self, samples: Digests) -> Arrays:
        """Return the features of samples, in their order; mapped where they lie together like that."""
        places = np.array([self._places[sample] for sample in keys(samples)], np.int64).reshape(-1, 2)
        return tuple(self._gathered(tensor, places) for tensor in range(len(self._shards[0].arrays)))

    def _gathered(self, tensor: int, places: Array) -> Array:
        numbers, rows = places[:, 0], places[:, 1]
        first = self._shards[int(numbers[0]) if len(numbers) else 0].arrays[tensor]
        if not len(rows) or ((numbers == numbers[0]).all() and (np.diff(rows) == 1).all()):
            return first[rows[0] : rows[-1] + 1] if len(rows) else first[:0]
        gathered = room_for((len(rows), *first.shape[1:]), first.dtype.name)
        for start in range(0, len(rows), GATHERED):
            block = slice(start, start + GATHERED)
            for number in np.unique(numbers[block]):
                here = np.flatnonzero(numbers[block] == number)
                gathered[start + here] = self._shards[number].arrays[tensor][rows[block][here]]
        return gathered


def keys(samples: Digests) -> list[bytes]:
    """Return digests `(n, 32) uint8` as bytes, which a dictionary can hold."""
    text = np.ascontiguousarray(samples).tobytes()
    return [text[start : start + 32] for start in range(0, len(text), 32)]


def name_of(samples: Digests) -> str:
    """Name a shard by its samples."""
    return hashlib.sha256(np.ascontiguousarray(samples).data).hexdigest()[:32] + SUFFIX


def read(path: Path) -> Shard:
    """Open a shard; the arrays are memory-mapped and read-only.

    Raises:
        ZooError: it is no feature file of this key, or cut short.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise ValueError("it is no feature file")
            if file.attrs.get("version") != VERSION or file.attrs.get("key") != path.parent.name:
                raise ValueError("its version or key is another")
            names = sorted((name for name in file if name.isdigit()), key=int)
            samples = _samples(file[SAMPLES], [file[name] for name in names])
            return Shard(samples, tuple(_mapped(file[name], path) for name in names))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise broken(path, error) from error


def entries(root: Path) -> list[Entry]:
    """Describe the features of every key in a folder, the newest first.

    Raises:
        ZooError: a file is broken.
    """
    folders = [folder for folder in root.glob("*") if shards_in(folder)]
    return sorted((_entry(folder) for folder in folders), key=lambda entry: -entry.written)


def shards_in(folder: Path) -> list[Path]:
    """List a key's shards, by name."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("tmp-"))


def broken(path: Path, why: Exception) -> ZooError:
    """Say that a feature file cannot be read."""
    return ZooError(f"the feature cache {path} is broken: {why}", f"remove it; it is made again: rm {path}")


def _samples(dataset: h5py.Dataset, features: Sequence[h5py.Dataset]) -> Digests:
    if not features:
        raise ValueError("it holds no features")
    shapes = [one.shape for one in (dataset, *features)]
    if dataset.dtype != np.uint8 or shapes[0][1:] != (32,) or {shape[:1] for shape in shapes} != {shapes[0][:1]}:
        raise ValueError(f"it has samples {shapes[0]} {dataset.dtype} and features {', '.join(map(str, shapes[1:]))}")
    samples: Digests = dataset[:]
    return samples


def _mapped(dataset: h5py.Dataset, path: Path) -> Array:
    if not dataset.size:
        return np.zeros(dataset.shape, dataset.dtype)
    return np.memmap(path, dataset.dtype, "r", dataset.id.get_offset(), dataset.shape)


def _entry(folder: Path) -> Entry:
    paths = shards_in(folder)
    samples, parts = 0, {}
    for path in paths:
        try:
            with h5py.File(path, "r") as file:
                parts = {name: str(value) for name, value in file.attrs.items()}
                samples += len(file[SAMPLES])
        except (OSError, KeyError) as error:
            raise broken(path, error) from error
    stats = [path.stat() for path in paths]
    written = max(stat.st_mtime for stat in stats)
    return Entry(folder.name, sum(stat.st_size for stat in stats), written, parts, samples, len(paths))
