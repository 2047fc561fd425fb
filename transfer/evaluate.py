"""Loss, accuracy and its interval. Pure: numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Score:
    """How well logits fit labels.

    Attributes:
        n: samples.
        loss: mean cross-entropy, in nats.
        accuracy: the share whose largest logit is the label's.
        ci95: Wilson's 95 % interval of the accuracy.
        per_class: accuracy by class name, for classes that occur.
    """

    n: int
    loss: float
    accuracy: float
    ci95: tuple[float, float]
    per_class: dict[str, float]


def score(logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]) -> Score:
    """Score logits `(n, k)` against classes `(n,)`."""
    right = logits.argmax(axis=1) == labels
    per_class = {
        name: float(right[labels == number].mean()) for number, name in enumerate(classes) if (labels == number).any()
    }
    hits = int(right.sum())
    return Score(len(labels), cross_entropy(logits, labels), hits / len(labels), wilson(hits, len(labels)), per_class)


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
