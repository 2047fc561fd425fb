"""A feed: samples in a model's form, read block by block; what extraction and training draw from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from transfer.data.records import Digests, Rows
from transfer.inputs import Arrays
from transfer.pieced import Held


class Feed(Protocol):
    """Samples as a model takes them: one array `(n, ...)` an input, in the model's order.

    Attributes:
        shapes: one sample's shape at each input.
        dtypes: of each input's numbers.
    """

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """One sample's shape at each input."""
        ...

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtype of each input's numbers."""
        ...

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    @property
    def digests(self) -> Digests:
        """The sha256 of each sample's content, `(n, 32) uint8`."""
        ...

    def read(self, rows: Rows) -> Arrays:
        """Return some samples, prepared; they are in memory at once.

        Raises:
            ZooError: a sample is broken or does not fit the model; it is named.
        """
        ...

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield samples `size` by `size`, in the order of `rows`, reading ahead while the caller works.

        At most three blocks are in memory at once.

        Raises:
            ZooError: as `read`.
        """
        ...


class Sliced:
    """Prepared arrays, one an input, drawn in slices; what `Feed.blocks` is for all others."""

    def __init__(self, arrays: Sequence[Held]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays[0])

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """One sample's shape at each input."""
        return tuple(array.shape[1:] for array in self._arrays)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtype of each input's numbers."""
        return tuple(array.dtype.name for array in self._arrays)

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield samples `size` by `size`."""
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            yield chosen, tuple(array[chosen[0] : chosen[-1] + 1] for array in self._arrays)


def every(feed: Feed | Sliced) -> Rows:
    """Return all rows of a feed, in order."""
    return np.arange(len(feed))
