"""All feature files of one key, as one collection of samples."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.cache_errors import RefusedError
from transfer.cache_files import Shard, read, shards_in, unfinished_in
from transfer.data.dataset import Array
from transfer.data.records import Digests, Rows
from transfer.digest_index import TOGETHER, Index, firsts
from transfer.pieced import Held, Pieced
from transfer.spilled import too_large

OPEN_BESIDE = 512  # handles, beside those that are open now and one for each tensor that is mapped
_NONE = np.zeros((0, 32), np.uint8)


class Shards:
    """The shards of one key, as one collection of samples."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._starts = np.cumsum([0, *(len(shard.samples) for shard in shards)])
        self._index = Index(np.concatenate([shard.samples for shard in shards] or [_NONE]))
        self._shards = [replace(shard, samples=_NONE) for shard in shards]  # the index has them all

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
        numbers, rows = self._inside(found)
        used = np.zeros(len(self._shards), np.bool_)
        used[numbers] = True
        shards = [self._shards[number] for number in np.flatnonzero(used)]  # others may differ in shape
        for shard in shards:
            shard.touch()
        numbers = (np.cumsum(used, dtype=np.int32) - 1)[numbers]
        parts = zip(*(shard.arrays for shard in shards or self._shards[:1]), strict=True)
        held = [_gathered(each, numbers, rows) for each in parts]
        large = too_large(held)
        return tuple(one[:] if isinstance(one, Pieced) and not large else one for one in held)

    def _inside(self, found: Rows) -> tuple[NDArray[np.int32], Rows]:
        """Say for each place in which shard it is, and in which row of that."""
        numbers, rows = np.empty(len(found), np.int32), np.empty(len(found), np.int64)
        for start in range(0, len(found), TOGETHER):
            part = slice(start, start + TOGETHER)
            numbers[part] = np.searchsorted(self._starts, found[part], side="right") - 1
            rows[part] = found[part] - self._starts[numbers[part]]
        return numbers, rows


def _gathered(parts: Sequence[Array], numbers: NDArray[np.int32], rows: Rows) -> Held:
    if not len(rows) or (len(parts) == 1 and (np.diff(rows) == 1).all()):
        return parts[0][rows[0] : rows[-1] + 1] if len(rows) else parts[0][:0]
    return Pieced(parts, numbers, rows)


def opened(folder: Path) -> Shards:
    """Open all shards of a key, and of unfinished ones what is there; later ones hide what earlier ones have as well.

    Raises:
        ZooError: a complete shard is broken, or the system refuses to read one; or there are more files than this
            process may open.
    """
    parts = [shard for path in unfinished_in(folder) if (shard := _part(path)) is not None]
    paths, whole = shards_in(folder), list[Shard]()
    for path in paths:
        if (shard := _still_there(path)) is not None:
            if not whole:
                _allow(folder, len(paths), len(shard.arrays))
            whole.append(shard)
    return Shards([*parts, *whole])


def _allow(folder: Path, files: int, tensors: int) -> None:
    """Raise how many files this process may open, which is 1,024 on most systems: what is mapped is open."""
    wanted, (soft, hard) = files * tensors + _open_now() + OPEN_BESIDE, resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        each = "" if tensors == 1 else f" of {tensors} tensors"
        raise ZooError(
            f"the feature cache {folder} has {files:,} files{each}; "
            f"this process may open {hard:,}, and needs {wanted:,}",
            f"allow more: ulimit -n {wanted}, or LimitNOFILE= where systemd starts it",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_now() -> int:
    """Count this process's handles, the files of other keys among them."""
    with suppress(OSError):
        return sum(1 for _ in Path("/dev/fd").iterdir())
    return 0


def _still_there(path: Path) -> Shard | None:
    try:
        return read(path)
    except FileNotFoundError:  # removed by another process since it was listed
        return None


def _part(path: Path) -> Shard | None:
    try:
        shard = read(path)
    except (FileNotFoundError, ZooError) as error:
        if isinstance(error, RefusedError) and not isinstance(error.__cause__, PermissionError):
            raise
        return None  # others are writing it, or another user is; or they were killed before it was laid out
    return shard if len(shard.samples) else None
