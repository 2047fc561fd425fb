"""All feature files of one key, as one collection of samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from registry.errors import ZooError
from transfer.cache_files import Shard, keys, read, shards_in, unfinished_in
from transfer.data.dataset import Array
from transfer.data.records import Digests
from transfer.inputs import Arrays
from transfer.spilled import room_for

GATHERED = 4096  # samples that are copied at once


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

    def has(self, samples: Digests) -> bool:
        """Tell whether all of some samples are here."""
        return all(sample in self._places for sample in keys(samples))

    @property
    def bytes(self) -> int:
        """The size of the files."""
        return sum(shard.path.stat().st_size for shard in self._shards if shard.path and shard.path.exists())

    def take(self, samples: Digests) -> Arrays:
        """Return the features of samples, in their order; mapped where they lie together like that.

        The files that they come from count as used now.
        """
        places = np.array([self._places[sample] for sample in keys(samples)], np.int64).reshape(-1, 2)
        for number in np.unique(places[:, 0]):
            self._shards[number].touch()
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


def opened(folder: Path) -> Shards:
    """Open all shards of a key, and of unfinished ones what is there; later ones hide what earlier ones have as well.

    Raises:
        ZooError: a complete shard is broken.
    """
    parts = [shard for path in unfinished_in(folder) if (shard := _part(path)) is not None]
    return Shards([*parts, *(shard for path in shards_in(folder) if (shard := _still_there(path)) is not None)])


def _still_there(path: Path) -> Shard | None:
    try:
        return read(path)
    except FileNotFoundError:  # removed by another process since it was listed
        return None


def _part(path: Path) -> Shard | None:
    try:
        shard = read(path)
    except (FileNotFoundError, ZooError):  # others are writing it, or were killed before it was laid out
        return None
    return shard if len(shard.samples) else None
