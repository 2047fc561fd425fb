"""Samples that lie in several mapped files, as one array: what is large is not copied together either."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.records import Rows

COPIED = 4096  # rows at once: each is copied twice


@dataclass(frozen=True)
class Pieced:
    """One array `(n, ...)` of rows of several.

    Attributes:
        parts: the arrays that rows come from, of one dtype, alike but for their length.
        numbers: which of them each row is in, `(n,) int32`.
        rows: where in it, `(n,) int64`.

    Raises:
        ZooError: the parts' rows differ in shape.
    """

    parts: Sequence[Array]
    numbers: NDArray[np.int32]
    rows: Rows

    def __post_init__(self) -> None:
        shapes = sorted({part.shape[1:] for part in self.parts})
        if len(shapes) > 1:
            told = " and ".join(map(str, shapes[:2]))
            raise ZooError(
                f"the features of these samples are of several shapes: {told}",
                "give samples of one shape, such as sequences of one length",
            )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of it."""
        return len(self), *self.parts[0].shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""
        return self.parts[0].dtype

    @property
    def nbytes(self) -> int:
        """Of all of it."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, rows: slice | Rows) -> Array:
        """Return some rows, in memory, in their order."""
        chosen = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        found = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        for start in range(0, len(chosen), COPIED):
            for places, part, inside in self.parted(chosen[start : start + COPIED]):
                found[start + places] = part[inside]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all of it, in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def parted(self, rows: Rows) -> Iterator[tuple[Rows, Array, Rows]]:
        """Yield for each part that some rows are in: their places among `rows`, the part, and the rows of it."""
        numbers, inside = self.numbers[rows], self.rows[rows]
        for number in np.unique(numbers):
            places = np.flatnonzero(numbers == number)
            yield places, self.parts[number], inside[places]


Held = Array | Pieced  # features of samples `(n, ...)`: in memory, mapped from a file, or from several
