"""A linear model of the inputs themselves, without a net: what any reuse has to beat. Pure: NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.controls.lbfgs import Point, minimise
from transfer.data.target import Target
from transfer.evaluate import scored

Matrix = NDArray[np.float32]

PENALTIES = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4)  # half of this times the sum of squared weights, beside the mean loss


@dataclass(frozen=True)
class Linear:
    """A fitted model: logits, or of numbers the numbers, are `(x - mean) / deviation @ weights + bias`.

    Attributes:
        mean, deviation: of the training samples, `(d,)`; the deviation of what never changes is 1.
        weights, bias: `(d, k)` and `(k,)`.
        penalty: the strength of L2, which the validation samples chose.
    """

    mean: Matrix
    deviation: Matrix
    weights: Matrix
    bias: Matrix
    penalty: float = 0.0

    def outputs(self, x: Matrix) -> Matrix:
        """Return `(n, k) float32` for samples `(n, d)`."""
        found: Matrix = _standard(x, self.mean, self.deviation) @ self.weights + self.bias
        return found


def fit_linear(
    train: Matrix, labels: NDArray[Any], valid: Matrix, valid_labels: NDArray[Any], target: Target
) -> Linear:
    """Fit logistic regression (of one class, or of several labels) or least squares (of numbers), all with L2.

    Args:
        train, valid: `(n, d) float32`.
        labels, valid_labels: as the target has them.
        target: what they mean.

    Returns:
        The model whose penalty, of `PENALTIES`, has the least loss on the validation samples.
    """
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 0, deviation, np.float32(1))
    x, width = _standard(train, mean, deviation), target.width
    point = np.zeros((x.shape[1] + 1) * width)
    found: list[tuple[float, Linear]] = []
    for penalty in PENALTIES:  # each begins where the one before it ended, which is near
        point = minimise(lambda at, penalty=penalty: _objective(at, x, labels, target, penalty), point)  # type: ignore[misc]
        model = _model(point.reshape(-1, width), mean, deviation, target, penalty)
        found.append((scored(model.outputs(valid), valid_labels, target).loss, model))
    return min(found, key=lambda one: one[0])[1]


def _standard(x: Matrix, mean: Matrix, deviation: Matrix) -> Matrix:
    return (x - mean) / deviation


def _model(both: Point, mean: Matrix, deviation: Matrix, target: Target, penalty: float) -> Linear:
    """Give the fitted numbers the labels' own unit, where they are numbers."""
    if target.kind == "number":
        both = both * np.array(target.deviation)
        both[-1] += np.array(target.mean)
    weights, bias = both[:-1].astype(np.float32), both[-1].astype(np.float32)
    return Linear(mean, deviation, weights, bias, penalty)


def _objective(point: Point, x: Matrix, labels: NDArray[Any], target: Target, penalty: float) -> tuple[float, Point]:
    both = point.reshape(-1, target.width)
    weights = both[:-1]
    loss, slope = _loss((x @ weights.astype(np.float32)).astype(np.float64) + both[-1], labels, target)
    gradient = np.empty_like(both)
    gradient[:-1] = x.T @ slope.astype(np.float32) + penalty * weights
    gradient[-1] = slope.sum(axis=0)
    return loss + penalty / 2 * float((weights * weights).sum()), gradient.ravel()


def _loss(z: Point, labels: NDArray[Any], target: Target) -> tuple[float, Point]:
    """Return the mean loss of outputs `(n, k)`, and its derivative by each of them."""
    if target.kind == "class":
        z = z - z.max(axis=1, keepdims=True)
        powers = np.exp(z)
        sums, rows = powers.sum(axis=1), np.arange(len(z))
        slope = powers / sums[:, None]
        slope[rows, labels] -= 1
        return float((np.log(sums) - z[rows, labels]).mean()), slope / len(z)
    if target.kind == "multilabel":
        losses = np.maximum(z, 0) - z * labels + np.log1p(np.exp(-np.abs(z)))
        return float(losses.mean()), (0.5 * (1 + np.tanh(z / 2)) - labels) / z.size
    away = z - (labels - np.array(target.mean)) / np.array(target.deviation)
    return float((away * away).mean()), 2 * away / z.size
