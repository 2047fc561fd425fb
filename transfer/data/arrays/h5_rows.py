"""Rows of an array in an HDF5 file that is packed and too large for memory, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.records import Rows
from transfer.files.hdf5 import BROKEN
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line


@dataclass(frozen=True)
class PackedRows:
    """An array of a file that was checked when it was opened first.

    Attributes:
        path: the file.
        place: the array's path in it.
        shape, dtype: the array's.
        piece: how many rows are packed together; rows that lie nearer than that are read at once.
    """

    path: Path
    place: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    piece: int

    def __getitem__(self, rows: Any) -> Array:
        """Read the rows at some positions, in any order, or in a slice.

        Raises:
            ZooError: they cannot be read any more.
        """
        wanted: Rows = np.arange(self.shape[0])[rows]
        taken = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        try:
            with h5py.File(self.path, "r") as file:
                for places in _near(wanted, self.piece):
                    first, last = int(wanted[places[0]]), int(wanted[places[-1]])
                    taken[places] = file[self.place][first : last + 1][wanted[places] - first]
        except BROKEN as error:
            raise ZooError(f"{self.path} is damaged at {self.place}: {first_line(error, 200)}", AGAIN) from error
        return taken


def _near(rows: Rows, piece: int) -> list[Rows]:
    """Return the positions in `rows`, sorted by row, in runs with gaps below `piece`, none longer than it needs to be.

    >>> [run.tolist() for run in _near(np.array([9, 0, 1, 8]), 4)]
    [[1, 2], [3, 0]]
    """
    order = np.argsort(rows, kind="stable")
    return [run for run in np.split(order, np.flatnonzero(np.diff(rows[order]) >= piece) + 1) if len(run)]
