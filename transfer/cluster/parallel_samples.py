"""Samples packed for other processes: as arrays, or as the files that they are mapped from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.cluster.placed import Placed, placed
from transfer.pieced import Held, Pieced
from transfer.spilled import spilled_of

BLOCK = 2**26  # bytes that are written at once


def sent(arrays: Sequence[Held], folder: Path) -> tuple[Any, ...]:
    """Return a split's arrays, or where they lie if they are too large for memory.

    Args:
        arrays: in memory, mapped from a file, or `Pieced`.
        folder: where a mapped array without a file that others could open is copied to; it need not be there.

    Raises:
        ZooError: there is no room in the folder.
    """
    spilled = spilled_of(arrays)
    return tuple(
        _sent(array, folder) if far else np.asarray(array[:]) for array, far in zip(arrays, spilled, strict=True)
    )


def _sent(array: Held, folder: Path) -> Any:
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
