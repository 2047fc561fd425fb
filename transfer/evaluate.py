"""How well a model's outputs fit the labels, for classes, several labels and numbers. Pure: numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.data.target import Target

Z95 = 1.959963984540054

# What `accuracy` counts, by the target's kind.
MEASURES = {"class": "accuracy", "multilabel": "label accuracy", "number": "R2"}


@dataclass(frozen=True)
class Score:
    """How well outputs fit labels.

    Attributes:
        n: samples.
        loss: in nats, the mean cross-entropy (of several labels: over samples and labels); of numbers the mean
            squared error in units of the training labels' variance, or of these labels' where those are not known.
        accuracy: the share whose largest logit is the label's; of several labels the share of single labels that are
            right; of numbers the coefficient of determination, R2, which has no lower limit.
        ci95: Wilson's 95 % interval of a share; of R2 the interval by the delta method over samples.
        per_class: the same figure by class, label or number, for those that occur.
        errors: of numbers, in their own unit: `mae`, the mean absolute error, and `rmse`. Empty otherwise.
    """

    n: int
    loss: float
    accuracy: float
    ci95: tuple[float, float]
    per_class: dict[str, float]
    errors: dict[str, float] = field(default_factory=dict)


def scored(outputs: NDArray[np.float32], labels: NDArray[Any], target: Target) -> Score:
    """Score outputs `(n, k)` against labels as `target` has them: `(n,) int64` or `(n, k) float32`."""
    if target.kind == "class":
        return score(outputs, labels, target.classes)
    return _labels(outputs, labels, target) if target.kind == "multilabel" else _numbers(outputs, labels, target)


def score(logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]) -> Score:
    """Score logits `(n, k)` against classes `(n,)`."""
    right = logits.argmax(axis=1) == labels
    per_class = {
        name: float(right[labels == number].mean()) for number, name in enumerate(classes) if (labels == number).any()
    }
    hits = int(right.sum())
    loss = cross_entropy(logits, labels)
    return Score(len(labels), loss, hits / len(labels), wilson(hits, len(labels)), per_class)


def _labels(logits: NDArray[np.float32], labels: NDArray[np.float32], target: Target) -> Score:
    right = (logits > 0) == (labels > 0.5)
    z, y = logits.astype(np.float64), labels.astype(np.float64)
    losses = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    per_class = dict(zip(target.classes, right.mean(axis=0).tolist(), strict=True))
    hits = int(right.sum())
    return Score(len(labels), float(losses.mean()), hits / right.size, wilson(hits, right.size), per_class)


def _numbers(outputs: NDArray[np.float32], labels: NDArray[np.float32], target: Target) -> Score:
    y = labels.astype(np.float64)
    squares = (outputs.astype(np.float64) - y) ** 2
    around = around_mean(y)
    each = determination(squares.mean(axis=0), around.mean(axis=0))
    errors = {"mae": float(np.abs(outputs - y).mean()), "rmse": float(np.sqrt(squares.mean()))}
    unit = np.square(target.deviation or np.where(y.std(axis=0) == 0, 1, y.std(axis=0)))
    loss = float((squares / unit).mean())
    per_class = dict(zip(target.classes, each.tolist(), strict=True))
    return Score(len(y), loss, float(each.mean()), _interval(squares, around, each), per_class, errors)


def around_mean(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each number's squared distance from its column's mean, `(n, k)`."""
    squares: NDArray[np.float64] = (y - y.mean(axis=0)) ** 2
    return squares


def determination(error: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `1 - error / variance`; where the labels do not vary, 1 for no error and else 0, as scikit-learn does."""
    still = variance == 0
    shares: NDArray[np.float64] = 1 - error / np.where(still, 1, variance)
    return np.where(still, np.where(error == 0, 1.0, 0.0), shares)


def _interval(
    squares: NDArray[np.float64], around: NDArray[np.float64], each: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the 95 % interval of a ratio of two means by the delta method."""
    spread = np.where((variance := around.mean(axis=0)) == 0, 1, variance)
    residuals = ((squares - (1 - each) * around) / spread).mean(axis=1)
    half = Z95 * float(residuals.std()) / math.sqrt(len(residuals))
    return float(each.mean()) - half, min(1.0, float(each.mean()) + half)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the mean of `log(sum(exp(z))) - z[label]`, in nats."""
    z = logits.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]
    return float(losses.mean())


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927).

    >>> [round(bound, 4) for bound in wilson(90, 100)]
    [0.8256, 0.9448]
    """
    share, z2 = hits / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
