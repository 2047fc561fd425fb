"""All scores of one model's features, and the interval of the one that ranks. Pure: numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.data.records import Rows
from transfer.data.target import Target
from transfer.evaluate import scored
from transfer.probes.ridge import ridge
from transfer.transferability.bootstrap import Resampled, resampled
from transfer.transferability.hscore import hscore
from transfer.transferability.knn import knn
from transfer.transferability.leep import leep
from transfer.transferability.logme import logme

SCORES = ("probe", "knn", "logme", "leep", "hscore")  # higher is better in all
CLASSES_ONLY = ("leep", "hscore")


@dataclass(frozen=True)
class Sight:
    """What scores are computed from.

    Attributes:
        x: features `(n, d)`.
        labels: as the target has them.
        target: what they mean.
        probabilities: of the source's own classes, `(n, c)`; None where it has none.
    """

    x: NDArray[Any]
    labels: NDArray[Any]
    target: Target
    probabilities: NDArray[np.float64] | None = None

    def score(self, name: str) -> float | None:
        """Return a score; None where it makes no sense for such labels or such a source."""
        if name in ("probe", "knn"):
            return self._accuracy(self._said(name))(np.arange(len(self.x)))
        figure = self._figure(name)
        return figure(np.arange(len(self.x))) if figure else None

    def resampled(self, name: str, seed: int) -> Resampled | None:
        """Return a score over draws of the samples; the features, and what is said of each sample, are as they are."""
        if name in ("probe", "knn"):
            return resampled(self._accuracy(self._said(name)), len(self.x), seed, of_shares=True)
        figure = self._figure(name)
        return resampled(figure, len(self.x), seed, of_shares=False) if figure else None

    def _said(self, name: str) -> NDArray[np.float32]:
        """Return what is said of each sample without it."""
        return self._probed if name == "probe" else self._near

    @cached_property
    def _probed(self) -> NDArray[np.float32]:
        return ridge(self.x, self.labels, self.target).left_out.astype(np.float32)

    @cached_property
    def _near(self) -> NDArray[np.float32]:
        near = knn(self.x, columns(self.labels, self.target))
        return (near - 0.5 if self.target.kind == "multilabel" else near).astype(np.float32)

    def _accuracy(self, said: NDArray[np.float32]) -> Callable[[Rows], float]:
        return lambda rows: scored(said[rows], self.labels[rows], self.target).accuracy

    def _figure(self, name: str) -> Callable[[Rows], float] | None:
        labels, target, theta = self.labels, self.target, self.probabilities
        if name == "logme":
            y = _standard(columns(labels, target), target)
            return lambda rows: logme(self.x[rows], y[rows])
        if target.kind != "class":
            return None
        if name == "hscore":
            return lambda rows: hscore(self.x[rows], labels[rows])
        return (lambda rows: leep(theta[rows], labels[rows], target.width)) if theta is not None else None


def columns(labels: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return labels `(n, k)`: 0 and 1 for classes and labels, numbers as they are."""
    if target.kind == "class":
        return np.asarray(labels[:, None] == np.arange(target.width), np.float64)
    return np.asarray(labels, np.float64)


def _standard(y: NDArray[np.float64], target: Target) -> NDArray[np.float64]:
    if target.kind != "number":
        return y
    deviation = y.std(axis=0)
    found: NDArray[np.float64] = (y - y.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return found
