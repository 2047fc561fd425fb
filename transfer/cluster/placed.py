"""Arrays that are mapped from files, for processes that map them anew: large ones do not travel."""

from __future__ import annotations

import hashlib
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array

ALL_SEE = "data and $ZOO_HOME must lie on a disk that all machines of the cluster see, under the same path"
SEEN = 16  # rows at an array's either end by which it is known to be the same


@dataclass(frozen=True)
class Placed:
    """Where an array lies, and by what it is known to be the same for another machine: the file's size, and its ends.

    Attributes:
        path: the file.
        size: its bytes.
        offset: where the array begins in it.
        dtype, shape, order: as NumPy has them.
        ends: the sha256 of its first and last rows.
    """

    path: str
    size: int
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Any  # C or F
    ends: str

    @classmethod
    def of(cls, array: Any) -> Placed:
        """Describe a mapped array without gaps.

        Raises:
            OSError: its file is not there any more.
        """
        path, order = Path(array.filename).absolute(), "C" if array.flags.c_contiguous else "F"
        return cls(str(path), path.stat().st_size, _offset(array), array.dtype, array.shape, order, _ends(array))

    def array(self) -> Array:
        """Map it.

        Raises:
            ZooError: this machine does not have the same file there.
        """
        try:
            there = Path(self.path).stat().st_size
            why = f"it has {self.size:,} bytes on this machine, and {there:,} there"
            if there == self.size:
                found: Array = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)
                if _ends(found) == self.ends:
                    return found
                why = "it is another file there"
        except (OSError, ValueError) as error:
            why = str(error)
        raise ZooError(f"a worker cannot read {self.path}: {why}", ALL_SEE)


def placed(array: Any) -> Placed | None:
    """Say where a mapped array lies; None where others could not map it.

    That is where its file has no name, or was removed or replaced since, and where it has gaps.
    """
    named = isinstance(getattr(array, "filename", None), str | Path) and array._mmap is not None
    if not named or not array.flags.forc or not array.size or not array.ndim:
        return None
    try:
        found = Placed.of(array)
        found.array()
    except (OSError, ZooError):
        return None
    return found


def _offset(array: Any) -> int:
    """Say where a mapped array begins in its file; a part's own `offset` is that of what it was taken from."""
    start = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # where the file is mapped from
    return int(start + array.ctypes.data - np.frombuffer(array._mmap, np.uint8).ctypes.data)


def _ends(array: Array) -> str:
    return hashlib.sha256(array[:SEEN].tobytes() + array[-SEEN:].tobytes()).hexdigest()
