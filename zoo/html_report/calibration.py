"""Whether a model is right as often as it says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Samples of about the same probability: how many, the mean of it, and the share that is so."""

    n: int
    said: float
    true: float


def reliability(said: NDArray[np.float64], true: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Sort probabilities `(n,)` into bins of equal width, empty ones left out (Guo et al. 2017, section 2)."""
    places = np.clip(np.ceil(said * bins).astype(int) - 1, 0, bins - 1)
    chosen = [places == place for place in range(bins)]
    return [Bin(int(one.sum()), float(said[one].mean()), float(true[one].mean())) for one in chosen if one.any()]


def expected_error(bins: list[Bin]) -> float:
    """Return the expected calibration error: the mean distance of share and probability over samples (Guo et al. 2017,
    equation 3).

    >>> expected_error([Bin(1, 0.5, 1.0), Bin(3, 0.9, 0.9)])
    0.125
    """  # fmt: skip
    return sum(one.n * abs(one.said - one.true) for one in bins) / sum(one.n for one in bins)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn logits `(n, k)` into probabilities."""
    z = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = z / z.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn logits into probabilities, one by one."""
    shares: NDArray[np.float64] = 0.5 * (1 + np.tanh(logits.astype(np.float64) / 2))
    return shares
