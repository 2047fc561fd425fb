"""Intervals by resampling: draw the samples anew, with replacement (Efron and Tibshirani 1993). Pure: numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from transfer.data.records import Rows
from transfer.evaluate import Z95

Interval = tuple[float, float]


def percentiles(figure: Callable[[Rows], float], n: int, seed: int, rounds: int = 500) -> Interval:
    """Return the middle 95 % of a figure over resampled samples; for figures of single samples, such as a share."""
    low, high = np.quantile(_resampled(figure, n, seed, rounds), (0.025, 0.975))
    return float(low), float(high)


def normal(figure: Callable[[Rows], float], n: int, seed: int, rounds: int = 12) -> Interval:
    """Return a figure and 1.96 deviations about it, over a few rounds: for figures that a repeated sample moves."""
    half = Z95 * float(_resampled(figure, n, seed, rounds).std(ddof=1))
    middle = figure(np.arange(n, dtype=np.int64))
    return middle - half, middle + half


def _resampled(figure: Callable[[Rows], float], n: int, seed: int, rounds: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.array([figure(random.integers(0, n, n)) for _ in range(rounds)])
