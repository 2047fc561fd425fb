"""What a phase trains on: the cut's tensors and the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer.inputs import Arrays


@dataclass(frozen=True)
class Features:
    """One array `(n, ...)` for each tensor of the cut, and classes `(n,) int64`.

    An array is float32, or whole numbers where the tensor is an input that takes such.
    """

    arrays: Arrays
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Cached:
    """Features of the splits that training reads, and what it took to have them.

    Attributes:
        splits: by name: `train`, `valid`.
        key: the cache key, in hex; empty where nothing was cached.
        hit: whether they lay in the cache.
        bytes: the cache file's size.
        seconds: for extracting or opening them.
    """

    splits: dict[str, Features]
    key: str = ""
    hit: bool = False
    bytes: int = 0
    seconds: float = 0.0
