"""Ridge regression on features, one eigendecomposition for all penalties, leave-one-out in closed form. Pure: numpy.

With centred features `X = U diag(r) V'`, `s = r ** 2` and the scores `Z = X V`, the prediction of training samples
under a penalty `a` is `mean(Y) + Z diag(1 / (s + a)) Z' Y`, and what leaving a sample out does to its own residual
follows from the diagonal of that hat matrix: `(y - prediction) / (1 - h)` (Hastie, Tibshirani and Friedman 2009,
eq. 7.52). The intercept is not penalised. The decomposition is of `X' X (d, d)` or of `X X' (n, n)`, whichever is
smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.target import Target
from transfer.evaluate import Score, scored

Floats = NDArray[np.float64]
# Relative to the mean variance of the directions, so that one grid fits features of any scale and number.
GRID = tuple(float(power) for power in 10.0 ** np.arange(-5, 4, 0.5))


@dataclass(frozen=True)
class Ridge:
    """Ridge regression that has been fitted: `(x - mean) @ weights + intercept`.

    Attributes:
        mean: of the features, `(d,)`.
        weights: `(d, k)`.
        intercept: `(k,)`.
        penalty: the one that was chosen, in units of the features' squares.
        left_out: each training sample's prediction by the model without it, `(n, k)`.
        score: of these predictions: accuracy with its interval, of numbers R2.
    """

    mean: Floats
    weights: Floats
    intercept: Floats
    penalty: float
    left_out: Floats
    score: Score

    def predict(self, x: NDArray[Any]) -> Floats:
        """Return predictions `(m, k)` for features `(m, d)`: of classes the largest is the one, of labels above 0."""
        return _centred(x, self.mean) @ self.weights + self.intercept


@dataclass(frozen=True)
class Spectrum:
    """Centred features by their principal directions.

    Attributes:
        centred: `(n, d)`.
        mean: `(d,)`.
        scores: `Z (n, r)`.
        squares: `s (r,)`, all above 0.
    """

    centred: Floats
    mean: Floats
    scores: Floats
    squares: Floats

    @property
    def scale(self) -> float:
        """The mean of the squares: the unit of `GRID`."""
        return float(self.squares.mean()) if len(self.squares) else 1.0

    def weights(self, y: Floats, penalty: float) -> Floats:
        """Return the coefficients `(d, k)` for centred targets `(n, k)`."""
        # V = X' Z / s, so V diag(1 / (s + a)) Z' Y needs no V.
        inner = (self.scores.T @ y) / ((self.squares + penalty) * self.squares)[:, None]
        found: Floats = self.centred.T @ (self.scores @ inner)
        return found

    def left_out(self, y: Floats, penalties: Sequence[float]) -> Iterator[Floats]:
        """Yield the leave-one-out residuals `(n, k)` for centred targets `(n, k)`, a penalty each."""
        inner = self.scores.T @ y
        shrinking = 1 / (self.squares[:, None] + np.asarray(penalties))
        leverages = np.square(self.scores) @ shrinking + 1 / len(y)
        for shrunk, leverage in zip(shrinking.T, leverages.T, strict=True):
            # A sample that alone decides its own prediction has leverage 1: nothing is known of it without it.
            yield (y - self.scores @ (shrunk[:, None] * inner)) / np.maximum(1 - leverage, 1e-12)[:, None]


def spectrum(x: NDArray[Any]) -> Spectrum:
    """Decompose features `(n, d)`; directions in which they do not vary are left out.

    Raises:
        ZooError: they are not finite.
    """
    wide = np.asarray(x, np.float64)
    if not np.isfinite(wide).all():
        raise ZooError("the features are not finite", "are some inputs far too large?")
    mean = wide.mean(axis=0)
    centred = wide - mean
    n, d = centred.shape
    squares, directions = np.linalg.eigh(centred.T @ centred if d <= n else centred @ centred.T)
    held = squares > max(squares[-1], 0.0) * max(n, d) * np.finfo(np.float64).eps
    squares, directions = squares[held], directions[:, held]
    return Spectrum(centred, mean, centred @ directions if d <= n else directions * np.sqrt(squares), squares)


def ridge(x: NDArray[Any], labels: NDArray[Any], target: Target, penalties: Sequence[float] | None = None) -> Ridge:
    """Fit ridge regression, its penalty chosen by the squared error of leave-one-out predictions.

    Args:
        x: features `(n, d)`.
        labels: `(n,) int64` or `(n, k) float32`, as the target has them; classes become columns of -1 and 1.
        target: what they mean.
        penalties: to choose among, in units of the features' squares; None takes `GRID` times their scale.

    Raises:
        ZooError: there are fewer than two samples, or they are not finite.
    """
    if len(x) < 2 or len(x) != len(labels):
        raise ZooError(f"a probe needs at least two samples, a label each; got {len(x)} and {len(labels)} labels")
    parts, y = spectrum(x), as_columns(labels, target)
    centre = y.mean(axis=0)
    choices = penalties or [part * parts.scale for part in GRID]
    errors = [float(np.square(residuals).mean()) for residuals in parts.left_out(y - centre, choices)]
    best = choices[errors.index(min(errors))]
    left_out = y - next(parts.left_out(y - centre, [best]))
    score = scored(left_out.astype(np.float32), labels, target)
    return Ridge(parts.mean, parts.weights(y - centre, best), centre, best, left_out, score)


def as_columns(labels: NDArray[Any], target: Target) -> Floats:
    """Return labels as what is regressed on, `(n, k)`: -1 and 1 for classes and labels, numbers as they are."""
    if target.kind == "number":
        return np.asarray(labels, np.float64)
    held = labels[:, None] == np.arange(target.width) if target.kind == "class" else labels > 0.5
    return np.where(held, 1.0, -1.0)


def _centred(x: NDArray[Any], mean: Floats) -> Floats:
    centred: Floats = np.asarray(x, np.float64) - mean
    return centred
