"""Samples in arrays that lie in memory or in a file; choosing some of them copies nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np

from transfer.data.arrays.digests import row_digests
from transfer.data.dataset import Array
from transfer.data.dataset import Samples as Raw
from transfer.data.records import Digests, Rows

BLOCK_BYTES = 32 * 2**20
ONLY = ""  # the name of an array that is the only one


class Rowed(Protocol):
    """Rows that are read when they are asked for: an array in memory, mapped from a file, or read in pieces."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, ...)`."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""
        ...

    def __getitem__(self, rows: Any) -> Any:
        """Return the rows at some positions, or in a slice."""
        ...


@dataclass(frozen=True)
class _Known:
    """The digests of the base's rows so far, which all samples that are taken from it share."""

    digests: Digests
    done: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Some rows of one array, or of one array an input.

    Attributes:
        arrays: `(n, ...)` each, by the input's name; an only array has the empty name.
        called: what errors call them: `digits.npz: x_train`.
        index: which rows of the arrays, `(m,) int64`; None for all.
    """

    arrays: Mapping[str, Rowed]
    called: str
    index: Rows | None = None
    _known: _Known | None = field(default=None, repr=False)

    @classmethod
    def of(cls, arrays: Rowed | Mapping[str, Rowed], called: str) -> ArraySamples:
        """Take one array as it is, or one an input by name."""
        named = arrays if isinstance(arrays, Mapping) else {ONLY: arrays}
        count = next(iter(named.values())).shape[0]
        return cls(named, called, None, _Known(np.zeros((count, 32), np.uint8), np.zeros(count, bool)))

    def __len__(self) -> int:
        return next(iter(self.arrays.values())).shape[0] if self.index is None else len(self.index)

    def rows(self, chosen: Rows) -> ArraySamples:
        """Return some of them, in the order of `chosen`; the arrays stay where they are."""
        return replace(self, index=self._base(np.asarray(chosen, np.int64)))

    def where(self, row: int) -> str:
        """Say where a sample came from: `digits.npz: x_train, row 17`."""
        return f"{self.called}, row {row if self.index is None else self.index[row]}"

    def take(self, rows: Rows) -> Raw:
        """Read some rows as they lie there: an array `(m, ...)`, or one an input."""
        taken = self._take(self._base(np.asarray(rows, np.int64)))
        return taken[ONLY] if self.single else taken

    @property
    def single(self) -> bool:
        """Whether there is one array without a name."""
        return set(self.arrays) == {ONLY}

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that the arrays are for; empty where there is one array without a name."""
        return () if self.single else tuple(self.arrays)

    @cached_property
    def block(self) -> int:
        """How many rows are read at once where all are: as many as fit into 32 MiB."""
        width = sum(prod(array.shape[1:]) * array.dtype.itemsize for array in self.arrays.values())
        return max(1, BLOCK_BYTES // max(1, width))

    @property
    def digests(self) -> Digests:
        """The sha256 of each sample's dtype, shape and bytes, `(n, 32) uint8`; of all inputs in their names' order."""
        index = self._base(np.arange(len(self)))
        if self._known is None:
            return np.concatenate([row_digests(self._take(rows)) for rows in self._blocks(index)] or [_NONE])
        for rows in self._blocks(np.unique(index[~self._known.done[index]])):
            self._known.digests[rows] = row_digests(self._take(rows))
            self._known.done[rows] = True
        return self._known.digests[index]

    def _blocks(self, index: Rows) -> Iterator[Rows]:
        for start in range(0, len(index), self.block):
            yield index[start : start + self.block]

    def _base(self, rows: Rows) -> Rows:
        return rows if self.index is None else self.index[rows]

    def _take(self, base: Rows) -> dict[str, Array]:
        return {name: _read(array, base) for name, array in self.arrays.items()}


_NONE: Digests = np.zeros((0, 32), np.uint8)


def _read(array: Rowed, rows: Rows) -> Array:
    """Read rows; neighbours as one piece, which a file gives much faster."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return np.asarray(array[int(rows[0]) : int(rows[-1]) + 1])
    return np.asarray(array[rows])
