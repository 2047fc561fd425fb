"""Samples packed for other processes: as arrays, or as the files that they are mapped from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.cluster.travel import offset_of
from transfer.data.dataset import Array
from transfer.pieced import Pieced
from transfer.spilled import is_spilled

BLOCK = 2**26  # bytes that are written at once
SEEN = 16  # rows at a file's either end by which it is known to be the same


@dataclass(frozen=True)
class Placed:
    """An array in a file that all workers can read: where it begins, and what its ends hold."""

    path: str
    offset: int
    dtype: str
    shape: tuple[int, ...]
    ends: NDArray[Any]

    @classmethod
    def of(cls, array: Any, path: Path, offset: int) -> Placed:
        """Describe a mapped array."""
        return cls(str(path), offset, array.dtype.name, array.shape, _ends(array))

    def array(self) -> Array:
        """Map it.

        Raises:
            ZooError: this machine does not have the same file there.
        """
        try:
            found = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
            if np.array_equal(_ends(found), self.ends):
                return found
            why = "it is another file there"
        except (OSError, ValueError) as error:
            why = str(error)
        raise ZooError(
            f"a machine of the cluster cannot read {self.path}: {why}",
            "set ZOO_HOME to a folder that all machines share, or train on one machine: leave --address out",
        )


def sent(array: Any, folder: Path) -> Any:
    """Return an array, or where it lies if it is too large for memory.

    Args:
        array: in memory, mapped from a file, or `Pieced`.
        folder: where a mapped array without a file that others could open is copied to; it need not be there.

    Raises:
        ZooError: there is no room in the folder.
    """
    if not is_spilled(array):
        return np.asarray(array[:])
    if isinstance(array, Pieced):
        parts: Any = [_placed(part, folder) for part in array.parts]
        return replace(array, parts=parts)
    return _placed(array, folder)


def _placed(array: Any, folder: Path) -> Placed:
    """Say where an array lies; one without a file that others could open is copied into one."""
    if getattr(array, "filename", None) is not None and array.flags.c_contiguous:
        there = Placed.of(array, Path(array.filename).absolute(), offset_of(array))
        with suppress(ZooError):  # it was removed, or replaced, since it was mapped
            there.array()
            return there
    rows = max(1, BLOCK * len(array) // array.nbytes)
    try:
        folder.mkdir(exist_ok=True)
        path = folder / str(len(list(folder.iterdir())))
        with path.open("wb") as file:
            for start in range(0, len(array), rows):
                np.ascontiguousarray(array[start : start + rows]).view(np.uint8).tofile(file)
    except OSError as error:
        raise ZooError(
            f"cannot write to {folder}, where the cluster's workers would read the samples: {error.strerror}",
            "free some space, or set ZOO_HOME to a folder that has some",
        ) from error
    return Placed.of(array, path, 0)


def received(packed: Any) -> Any:
    """Return the array that `sent` packed.

    Raises:
        ZooError: its file is not to be read on this machine.
    """
    if isinstance(packed, Pieced):
        return replace(packed, parts=[received(part) for part in packed.parts])
    return packed.array() if isinstance(packed, Placed) else packed


def _ends(array: Array) -> NDArray[Any]:
    return np.concatenate([array[:SEEN], array[-SEEN:]]).view(np.uint8)
