"""What a phase trains, of which samples, in which order and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.share import ALONE, Share
from transfer.fitting.streaming import Windows
from transfer.plan.hyperparameters import Training
from transfer.spilled import spilled_of

# Changes a step's samples `(batch, ...)` and labels, given the step's number: the same for the same number.
Augmented = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Work:
    """What a phase trains, of which samples and how; see `transfer.fitting.fit.fit`."""

    tail: Any
    splits: dict[str, Features]
    how: Training
    target: Target
    lr: float
    seed: int
    trunk: Any = None
    augment: Augmented | None = None
    views: int = 1
    reused: tuple[str, ...] | None = None
    share: Share = ALONE

    @property
    def models(self) -> list[Any]:
        """All that a step runs."""
        return [model for model in (self.tail, self.trunk) if model is not None]

    @property
    def n(self) -> int:
        """Samples that an epoch takes."""
        return len(self.splits["train"]) // self.views

    @property
    def size(self) -> int:
        """Samples a step."""
        return min(self.how.batch_size, self.n)

    @property
    def steps(self) -> int:
        """In an epoch."""
        return self.how.steps(self.n)

    @property
    def windows(self) -> Windows:
        """How many steps' samples are read at once where they lie in files; all where they are in memory."""
        arrays = self.splits["train"].arrays
        files = [array for array, far in zip(arrays, spilled_of(arrays), strict=True) if far]
        bytes_ = sum(array.nbytes // len(array) for array in files)
        return Windows.of(bytes_, self.size) if files else Windows(self.steps, self.size, self.n)

    def order(self, epoch: int) -> Any:
        """Draw the rows of an epoch, `(n,) int64`: the same for the same number."""
        draws = np.random.default_rng([self.seed, epoch])
        order = self.windows.order(draws, self.n)
        return order if self.views == 1 else order * self.views + draws.integers(self.views, size=self.n)
