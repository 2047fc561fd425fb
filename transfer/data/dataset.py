"""Labelled samples in splits, and the fingerprint of their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError

Array = NDArray[Any]


@dataclass(frozen=True)
class Split:
    """Samples `(n, ...)` of any numeric dtype and their classes `(n,) int64`, as positions in `classes`."""

    x: Array
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


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
            for array in (split.x, split.y):
                digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


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
