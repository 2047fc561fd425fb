"""LogME: the evidence of a Bayesian linear model of the labels, at its maximum over both precisions. Pure: numpy.

You, Liu, Wang and Long (2021), "LogME: Practical assessment of pre-trained models for transfer learning", eq. 2 and
algorithm 3; the fixed-point iteration is that of You et al. (2022), section 4.3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 100
CLOSE = 1e-6  # relative change of alpha / beta at which the iteration stands still
TINY = 1e-12


def logme(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the log evidence per sample, in nats, mean over the columns.

    Args:
        x: features `(n, d)`, not centred, as in the paper.
        y: one column a class, of 0 and 1, or numbers, `(n, k)`.

    >>> right = np.repeat([[0.0], [1.0]], 20, axis=0)
    >>> wrong = np.tile([[0.0], [1.0]], (20, 1))
    >>> logme(right, right) > logme(wrong, right)
    True
    """
    wide, columns = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, d = wide.shape
    squares, directions = np.linalg.eigh(wide.T @ wide if d <= n else wide @ wide.T)
    held = squares > max(squares[-1], 0.0) * max(n, d) * np.finfo(np.float64).eps
    squares, directions = squares[held], directions[:, held]
    left = wide @ directions / np.sqrt(squares) if d <= n else directions
    return float(np.mean([_evidence(squares, left.T @ column, column, d) for column in columns.T]))


def _evidence(squares: Floats, z: Floats, y: Floats, d: int) -> float:
    n, outside = len(y), max(float(y @ y - z @ z), 0.0)
    alpha = beta = 1.0
    for _ in range(ROUNDS):
        gamma = float((beta * squares / (alpha + beta * squares)).sum())
        size, error = _weights(squares, z, alpha, beta), _error(squares, z, alpha, beta, outside)
        before, alpha, beta = alpha / beta, gamma / (size + TINY), (n - gamma) / (error + TINY)
        if abs(alpha / beta - before) <= CLOSE * before:
            break
    size, error = _weights(squares, z, alpha, beta), _error(squares, z, alpha, beta, outside)
    # Of the d directions, those in which the features do not vary give alpha itself to the determinant.
    determinant = float(np.log(alpha + beta * squares).sum()) + (d - len(squares)) * math.log(alpha)
    fit = n * math.log(beta / (2 * math.pi)) - beta * error
    return 0.5 * (fit + d * math.log(alpha) - alpha * size - determinant) / n


def _weights(squares: Floats, z: Floats, alpha: float, beta: float) -> float:
    """Return the squared length of the mean weights."""
    return float((beta**2 * squares * z**2 / (alpha + beta * squares) ** 2).sum())


def _error(squares: Floats, z: Floats, alpha: float, beta: float, outside: float) -> float:
    """Return the squared error of the mean weights' predictions."""
    return float(((alpha * z / (alpha + beta * squares)) ** 2).sum()) + outside
