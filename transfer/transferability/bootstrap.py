"""Intervals by resampling: draw the samples anew, with replacement (Efron and Tibshirani 1993). Pure: numpy.

Of a figure that is a mean over samples, such as a share, the interval is the middle 95 % of 500 draws. Others, such as
an evidence, are moved by samples that are drawn twice, and each draw costs as much as the figure itself: there it is
the figure and 1.96 standard deviations of 12 draws to either side. Two figures of the same samples are drawn by the
same seed, hence from the same samples, and their difference is paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer.data.records import Rows
from transfer.evaluate import Z95

Interval = tuple[float, float]
SHARE_DRAWS, OTHER_DRAWS = 500, 12


@dataclass(frozen=True, eq=False)
class Resampled:
    """A figure of samples, and what it is when they are drawn anew.

    Attributes:
        figure: of the samples as they are.
        draws: of each draw, `(rounds,)`.
        of_shares: whether it is a mean over samples.
    """

    figure: float
    draws: NDArray[np.float64]
    of_shares: bool

    def __sub__(self, other: Resampled) -> Resampled:
        """Return the paired difference from a figure that was drawn from the same samples by the same seed."""
        return Resampled(self.figure - other.figure, self.draws - other.draws, self.of_shares)

    @property
    def ci95(self) -> Interval:
        """The 95 % interval; how far the features themselves could be others is not in it."""
        if self.of_shares:
            low, high = np.quantile(self.draws, (0.025, 0.975))
            return float(low), float(high)
        half = Z95 * float(self.draws.std(ddof=1))
        return self.figure - half, self.figure + half


def resampled(figure: Callable[[Rows], float], n: int, seed: int, *, of_shares: bool) -> Resampled:
    """Draw `n` samples anew, and again.

    Args:
        figure: computes it of some rows.
        n: how many samples there are.
        seed: of the draws.
        of_shares: whether it is a mean over samples.
    """
    random, rounds = np.random.default_rng(seed), SHARE_DRAWS if of_shares else OTHER_DRAWS
    draws = np.array([figure(random.integers(0, n, n)) for _ in range(rounds)])
    return Resampled(figure(np.arange(n, dtype=np.int64)), draws, of_shares)
