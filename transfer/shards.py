"""All feature files of one key, as one collection of samples."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from registry.errors import ZooError
from transfer.cache_files import Shard, read, shards_in, unfinished_in
from transfer.data.records import Digests, Rows
from transfer.digest_index import Index, firsts
from transfer.pieced import Held, Pieced
from transfer.spilled import IN_MEMORY

OPEN_EACH, OPEN_BESIDE = 4, 512  # handles: of a shard, one for each tensor that is mapped; of all else


class Shards:
    """The shards of one key, as one collection of samples."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard.samples) for shard in shards)])
        self._index = Index(np.concatenate([shard.samples for shard in shards] or [np.zeros((0, 32), np.uint8)]))

    def find(self, samples: Digests) -> Rows:
        """Return the place of each sample, which `at` takes; -1 where it is not here."""
        return self._index.find(samples)

    def missing(self, samples: Digests) -> Rows:
        """Return the positions of the samples that are not here, each once, in ascending order."""
        absent = np.flatnonzero(self.find(samples) < 0)
        return absent[firsts(samples[absent])]

    def has(self, samples: Digests) -> bool:
        """Tell whether all of some samples are here."""
        return bool((self.find(samples) >= 0).all())

    @property
    def bytes(self) -> int:
        """The size of the files."""
        return sum(shard.path.stat().st_size for shard in self._shards if shard.path and shard.path.exists())

    def take(self, samples: Digests) -> tuple[Held, ...]:
        """Return the features of samples, all of which are here; see `at`."""
        return self.at(self.find(samples))

    def at(self, found: Rows) -> tuple[Held, ...]:
        """Return the features at some places, in their order; mapped where they lie together like that, or are large.

        The files that they come from count as used now.
        """
        numbers = np.searchsorted(self._starts, found, side="right") - 1
        for number in np.unique(numbers):
            self._shards[number].touch()
        rows = found - self._starts[numbers]
        return tuple(self._gathered(tensor, numbers, rows) for tensor in range(len(self._shards[0].arrays)))

    def _gathered(self, tensor: int, numbers: Rows, rows: Rows) -> Held:
        first = self._shards[int(numbers[0]) if len(numbers) else 0].arrays[tensor]
        if not len(rows) or ((numbers == numbers[0]).all() and (np.diff(rows) == 1).all()):
            return first[rows[0] : rows[-1] + 1] if len(rows) else first[:0]
        pieced = Pieced([shard.arrays[tensor] for shard in self._shards], numbers.astype(np.int32), rows)
        return pieced if pieced.nbytes > IN_MEMORY else pieced[:]


def opened(folder: Path) -> Shards:
    """Open all shards of a key, and of unfinished ones what is there; later ones hide what earlier ones have as well.

    Raises:
        ZooError: a complete shard is broken, or there are more files than this process may open.
    """
    _allow(folder, len(shards_in(folder)))
    parts = [shard for path in unfinished_in(folder) if (shard := _part(path)) is not None]
    return Shards([*parts, *(shard for path in shards_in(folder) if (shard := _still_there(path)) is not None)])


def _allow(folder: Path, files: int) -> None:
    """Raise how many files this process may open, which is 1,024 on most systems: what is mapped is open."""
    wanted, (soft, hard) = files * OPEN_EACH + OPEN_BESIDE, resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ZooError(
            f"the feature cache {folder} has {files:,} files; this process may open {hard:,}, and needs {wanted:,}",
            f"allow more: ulimit -n {wanted}, or LimitNOFILE= where systemd starts it",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
