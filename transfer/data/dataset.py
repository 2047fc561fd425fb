"""Labelled samples in splits, and the fingerprint of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data import records
from transfer.data.target import Target

Array = NDArray[Any]
Samples = Array | Mapping[str, Array]  # one array, or one for each input of a model, by the inputs' names
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Samples and what a model is to say of them.

    Attributes:
        samples: not yet in a model's form.
        y: `(n,) int64` positions in the target's classes; `(n, k) float32` for several labels or numbers.
    """

    samples: records.Samples
    y: Array

    def __post_init__(self) -> None:
        if len(self.samples) != len(self.y):
            raise ZooError(f"a split has {len(self.samples)} samples and {len(self.y)} labels")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def fingerprint(self) -> str:
        """The sha256 over the samples' content in their order, whatever they are labelled with."""
        digests = np.ascontiguousarray(self.samples.digests) if len(self) else np.zeros(0, np.uint8)
        return hashlib.sha256(digests.data).hexdigest()

    def rows(self, chosen: Any) -> Split:
        """Return some of the samples: `chosen` is a slice, positions, or a mask."""
        places = np.arange(len(self), dtype=np.int64)[chosen]
        return Split(self.samples.rows(places), self.y[places])


@dataclass(frozen=True)
class Dataset:
    """A labelled data set.

    Attributes:
        ref: where it came from.
        kind: `images`, `table` or `arrays`.
        target: what `y` means.
        train, valid, test: the splits; `test` may be empty (length 0), the others where nothing is trained on.
        broken: samples that were left out because they cannot be read.
        remarks: what a person should know of how the data were taken.
    """

    ref: str
    kind: str
    target: Target
    train: Split
    valid: Split
    test: Split
    broken: tuple[records.Broken, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels' names, in the order of a model's outputs."""
        return self.target.classes

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by name."""
        return dict(zip(SPLITS, (self.train, self.valid, self.test), strict=True))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over the target, and each split's samples and labels in their order; names and times do not count.

        Mean and deviation of numbers are left out: they follow from the labels.
        """
        digest = hashlib.sha256(repr((self.target.kind, self.classes)).encode())
        for name, split in self.splits.items():
            digest.update(f"{name} {split.y.dtype.kind} {split.y.shape}".encode())
            for array in _parts(split):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _parts(split: Split) -> Iterable[Array]:
    """Return a split's digests and labels, in the same order of bytes on every machine."""
    if not len(split):
        return ()
    return split.samples.digests, split.y.astype(split.y.dtype.newbyteorder("<"))


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
