"""What a phase trains on: the cut's tensors and the labels; and the inputs that these are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from transfer.feeding import Feed, every
from transfer.pieced import Held
from transfer.spilled import IN_MEMORY, bytes_of, spilled


@dataclass(frozen=True)
class Features:
    """One array `(n, ...)` for each tensor of the cut, and the labels as `transfer.data.target.Target` has them.

    An array is float32, or float16 or bfloat16 as the cache has it, which training takes as float32; or whole numbers
    where the tensor is an input that takes such.
    """

    arrays: tuple[Held, ...]
    labels: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Inputs:
    """A split as the model takes it, still to be read, with its labels."""

    feed: Feed
    labels: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def whole(self) -> Features:
        """All of it, to train from the inputs themselves: in memory, or in a file where it is too large for that.

        Raises:
            ZooError: a sample is broken or does not fit the model.
        """
        large = self.feed if bytes_of(self.feed) > IN_MEMORY else None
        return Features(spilled(large) if large else self.feed.read(every(self.feed)), self.labels)


@dataclass(frozen=True)
class Cached:
    """Features of the splits that training reads, and what it took to have them.

    Attributes:
        splits: by name: `train`, `valid`.
        key: the cache key, in hex; empty where nothing was cached.
        extracted: how many samples were not in the cache yet.
        bytes: the size of the cache's files under this key.
        seconds: for extracting or opening them.
    """

    splits: dict[str, Features]
    key: str = ""
    extracted: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def hit(self) -> bool:
        """Whether all of them lay in the cache."""
        return self.extracted == 0
