"""Samples packed for other processes: as arrays, or as the files that they are mapped from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.cluster.placed import Placed, placed
from transfer.pieced import Pieced
from transfer.spilled import is_spilled

BLOCK = 2**26  # bytes that are written at once


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
    if (there := placed(array)) is not None:
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
    return Placed.of(np.memmap(path, array.dtype, "r", 0, array.shape))


def received(packed: Any) -> Any:
    """Return the array that `sent` packed.

    Raises:
        ZooError: its file is not to be read on this machine.
    """
    if isinstance(packed, Pieced):
        return replace(packed, parts=[received(part) for part in packed.parts])
    return packed.array() if isinstance(packed, Placed) else packed
