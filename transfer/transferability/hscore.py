"""H-score: how far the classes' means lie apart, in units of the features' spread. Pure: numpy.

Bao et al. (2019), "An information-theoretic approach to transferability in task transfer learning"; with the shrunk
covariance of Ibrahim, Ponomareva and Mazumder (2021), "Newer is not always better", whose share is Ledoit and Wolf's
(2004).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hscore(x: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Return `tr(S_a^-1 (1 - a) B)`, with the shrunk covariance `S_a` and the covariance `B` of the classes' means.

    Args:
        x: features `(n, d)`.
        labels: `(n,)`.

    >>> labels = np.repeat([0, 1], 20)
    >>> round(hscore(np.eye(2)[labels], labels), 2), hscore(np.ones((40, 2)), labels)
    (1.0, 0.0)
    """
    wide = np.asarray(x, np.float64)
    centred = wide - wide.mean(axis=0)
    n, d = centred.shape
    squares, directions = np.linalg.eigh(centred.T @ centred if d <= n else centred @ centred.T)
    # A feature that does not vary leaves a rounding error of its mean, which is no direction.
    held = squares > max(squares[-1], np.finfo(np.float64).tiny) * max(n, d) * np.finfo(np.float64).eps
    squares, directions = squares[held], directions[:, held]
    if not len(squares):
        return 0.0
    scores = centred @ directions if d <= n else directions * np.sqrt(squares)
    share = shrinkage(squares / n, np.square(centred).sum(axis=1), d)
    spread = (1 - share) * squares / n + share * squares.sum() / (n * d)
    between = sum((labels == k).mean() * scores[labels == k].mean(axis=0) ** 2 for k in np.unique(labels))
    return float((1 - share) * (between / spread).sum())


def shrinkage(variances: NDArray[np.float64], lengths: NDArray[np.float64], d: int) -> float:
    """Return Ledoit and Wolf's share of the identity in a shrunk covariance.

    Args:
        variances: along the principal directions that have any, `(r,)`.
        lengths: each centred sample's squared length, `(n,)`.
        d: how many features there are.
    """
    n, total, squared = len(lengths), float(variances.sum()), float(np.square(variances).sum())
    distance = squared - total**2 / d
    error = max((float(np.square(lengths).sum()) / n - squared) / n, 0.0)
    return min(error, distance) / distance if distance > 0 else 0.0
