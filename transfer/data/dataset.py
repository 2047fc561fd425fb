"""Labelled samples in splits, and the fingerprint of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError

Array = NDArray[Any]
Samples = Array | Mapping[str, Array]  # one array, or one for each input of a model, by the inputs' names


@dataclass(frozen=True)
class Split:
    """Samples `(n, ...)` of any numeric dtype and their classes `(n,) int64`, as positions in `classes`."""

    x: Samples
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, chosen: Any) -> Split:
        """Return some of the samples: `chosen` is a slice, positions, or a mask."""
        if isinstance(self.x, Mapping):
            return Split({name: array[chosen] for name, array in self.x.items()}, self.y[chosen])
        return Split(self.x[chosen], self.y[chosen])


@dataclass(frozen=True)
class Dataset:
    """A labelled data set.

    Attributes:
        ref: where it came from.
        classes: the labels' names; `y` counts positions in it.
        train, valid, test: the splits; `test` may be empty (length 0).
    """

    ref: str
    classes: tuple[str, ...]
    train: Split
    valid: Split
    test: Split

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over classes, splits, labels and samples in their order; names and times do not count."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for name, split in self.splits.items():
            for label, array in _named(name, split):
                digest.update(f"{label} {array.dtype.str} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _named(name: str, split: Split) -> list[tuple[str, Array]]:
    """List a split's arrays, its labels last, each with what the fingerprint calls it."""
    if isinstance(split.x, Mapping):
        inputs = [(f"{name} {key!r}", split.x[key]) for key in sorted(split.x)]
    else:
        inputs = [(name, split.x)]
    return [*inputs, (name, split.y)]


def check_finite(x: Array, where: str) -> None:
    """Refuse samples that are not finite numbers.

    Raises:
        ZooError: naming the first row that holds a NaN or an infinity.
    """
    if x.dtype.kind not in "fc" or not len(x):
        return
    bad = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))
    if len(bad):
        raise ZooError(
            f"{where} holds NaN or infinite values in {len(bad)} of {len(x)} rows, the first in row {bad[0]}",
            "remove or fill these rows",
        )
