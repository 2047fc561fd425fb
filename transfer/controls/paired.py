"""Which of two models is better: the difference of their figures on the same samples, or with the same seeds.

What is paired has the ease of the samples, and the luck of a seed, in common; the interval is that of the differences,
and is narrower than two intervals side by side. Pure: NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.data.target import Target
from transfer.evaluate import around_mean, determination, wilson

SAMPLES, SEEDS = "samples", "seeds"
LEVEL = 0.95
SHARES = 1.0  # two shares differ by so much at most
FEW = 6  # pairs; of fewer not even the whole range of the differences holds their median with 95 % probability
ALIKE = 1e-9  # figures that are as near to each other are the same but for rounding


@dataclass(frozen=True)
class Difference:
    """By how much one model is better than another.

    Attributes:
        mean: the first's figure less the second's.
        low, high: the 95 % interval of it.
        n: how many pairs.
        over: what the pairs are: `samples` of the test data, or `seeds`.
        better, worse: how many pairs speak for the first, and for the second; the others are alike.
    """

    mean: float
    low: float
    high: float
    n: int
    over: str
    better: int = 0
    worse: int = 0

    @property
    def sign(self) -> int:
        """1 where the first is better, -1 where the second is, 0 where they cannot be told apart."""
        return (self.low > 0) - (self.high < 0)


def over_seeds(
    first: Sequence[float],
    second: Sequence[float],
    each: Iterable[Difference | None] = (),
    most: float = math.inf,
) -> Difference:
    """Compare figures of two models with the same seeds, by Student's interval of the differences.

    Where all seeds differ by the same, their variance is none and tells nothing: on few test samples figures move in
    steps of one of them. What is left to tell is what the samples themselves do, so the interval is then the widest of
    those over the samples. Seeds share the samples, which are no more for it.

    Args:
        first, second: a figure a seed, in the same order; at least two.
        each: the differences over the test samples, one a seed, which are asked for where the seeds do not tell; None
            where it is not known.
        most: by how much the figures can differ (`limit`).

    >>> over_seeds([0.95, 0.96, 0.97], [0.90, 0.90, 0.90]).better
    3
    >>> over_seeds([0.5, 0.5], [0.6, 0.6], [Difference(-0.1, -0.25, 0.06, 50, "samples", 2, 7)] * 2).over
    'samples'
    """
    differences = np.subtract(first, second, dtype=np.float64)
    if alike(differences):
        known = list(each)
        widest = max((one for one in known if one is not None), key=lambda one: one.high - one.low, default=None)
        if widest is not None and None not in known:
            return widest
    return _student(differences, SEEDS, most)


def limit(kind: str) -> float:
    """Return by how much the figures of a target of that kind differ at most; R2 has no lower limit."""
    return math.inf if kind == "number" else SHARES


def over_samples(
    first: NDArray[np.float32], second: NDArray[np.float32], labels: NDArray[Any], target: Target
) -> Difference | None:
    """Compare the outputs `(n, k)` of two models for the same samples, by the figure of `transfer.evaluate.MEASURES`.

    Classes are compared by Newcombe's interval; of several labels each sample has its share of right ones, and of
    numbers its squared errors, in units of the labels' variance.

    Returns:
        None where there are too few samples to know how much they differ.
    """
    if len(labels) < (1 if target.kind == "class" else 2):
        return None
    if target.kind == "class":
        return hits(first.argmax(axis=1) == labels, second.argmax(axis=1) == labels)
    if target.kind == "multilabel":
        right = [((one > 0) == (labels > 0.5)).mean(axis=1) for one in (first, second)]
        return _student(right[0] - right[1], SAMPLES, SHARES)
    return _determination(first, second, labels)


def hits(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """Compare two shares of hits `(n,)` on the same samples, by the interval of Newcombe 1998, method 10.

    R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17 (1998), 2635-2650: the score intervals of both shares, put together with their
    correlation, phi, which is corrected for continuity where it is above 0. Unlike the mean's it is never empty, and
    stays within -1 and 1.
    """
    both, one = int((first & second).sum()), int((first & ~second).sum())
    other, neither = int((~first & second).sum()), int((~first & ~second).sum())
    low, high = newcombe(both, one, other, neither)
    return Difference((one - other) / len(first), low, high, len(first), SAMPLES, one, other)


def newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """Return the 95 % interval of `(first - second) / n` by method 10 (see `hits`).

    Args:
        both, neither: samples that both models, and that none of them, get right.
        first, second: samples that one alone gets right.

    >>> [round(bound, 3) for bound in newcombe(14, 5, 0, 22)]
    [0.011, 0.226]
    """
    n, right, other = both + first + second + neither, both + first, both + second
    share, rival = right / n, other / n
    (low, high), (rival_low, rival_high) = wilson(right, n), wilson(other, n)
    phi = _phi(both, first, second, neither)
    down = _joined(share - low, rival_high - rival, phi)
    up = _joined(high - share, rival - rival_low, phi)
    difference = (first - second) / n
    return max(-1.0, difference - down), min(1.0, difference + up)


def _phi(both: int, first: int, second: int, neither: int) -> float:
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    excess = float(both * neither - first * second)
    if excess > 0:
        excess = max(excess - (both + first + second + neither) / 2, 0.0)
    return excess / math.sqrt(product) if product else 0.0


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _determination(first: NDArray[np.float32], second: NDArray[np.float32], labels: NDArray[Any]) -> Difference:
    """Compare two coefficients of determination by the delta method: each is a ratio of the same two means."""
    y = labels.astype(np.float64)
    squares = [(one.astype(np.float64) - y) ** 2 for one in (first, second)]
    around = around_mean(y)
    variance = around.mean(axis=0)
    each = [determination(one.mean(axis=0), variance) for one in squares]
    gain, unit = each[0] - each[1], np.where(variance == 0, 1, variance)
    saved = squares[1] - squares[0]
    residuals = ((saved - gain * around) / unit).mean(axis=1)
    half = _half(residuals)
    mean, (better, worse) = float(gain.mean()), _signs((saved / unit).mean(axis=1))
    return Difference(mean, mean - half, mean + half, len(y), SAMPLES, better, worse)


def _student(differences: NDArray[np.float64], over: str, most: float) -> Difference:
    """Compare by Student's interval, as far as the figures can differ.

    Of differences that are all the same it would be empty. What holds then without a variance is that their median lies
    between the least and the greatest of n with a probability of `1 - 2 ** (1 - n)` (H. A. David and H. N. Nagaraja,
    Order Statistics, 3rd ed. 2003, section 7.1): 97 % of six, which is enough, and 50 % of two, which says nothing.
    """
    few = len(differences) < FEW and alike(differences)
    low, high = (-math.inf, math.inf) if few else student_interval(differences)
    mean = float(differences.mean())
    return Difference(mean, max(-most, low), min(most, high), len(differences), over, *_signs(differences))


def alike(values: Sequence[float] | NDArray[np.float64]) -> bool:
    """Tell whether figures are all the same but for rounding."""
    return float(np.ptp(values)) <= ALIKE


def student_interval(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Return Student's 95 % interval of the mean of at least two values."""
    array = np.asarray(values, np.float64)
    mean, half = float(array.mean()), _half(array)
    return mean - half, mean + half


def _half(values: NDArray[np.float64]) -> float:
    """Return half the width of Student's 95 % interval of a mean of at least two values."""
    return student_t(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))


def _signs(differences: NDArray[np.float64]) -> tuple[int, int]:
    return int((differences > 0).sum()), int((differences < 0).sum())


def student_t(freedom: int) -> float:
    """Return the number that Student's t with so many degrees of freedom is within with 95 % probability.

    The probability is a finite sum over powers of the cosine of `atan(t / sqrt(freedom))` (Abramowitz and Stegun,
    26.7.3 and 26.7.4), which halving turns around.

    >>> round(student_t(1), 4), round(student_t(9), 4), round(student_t(10_000), 4)
    (12.7062, 2.2622, 1.9602)
    """
    low, high = 0.0, math.pi / 2
    factors = _factors(freedom)
    while high - low > 1e-15:
        angle = (low + high) / 2
        if angle in (low, high):
            break
        low, high = (angle, high) if _within(angle, freedom, factors) < LEVEL else (low, angle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _factors(freedom: int) -> NDArray[np.float64]:
    """Return the sum's factors: `1, 2/3, 2·4/(3·5) …` of odd degrees of freedom, `1, 1/2, 1·3/(2·4) …` of even."""
    steps = np.arange(1, (freedom + 1) // 2 if freedom % 2 == 0 else max(freedom // 2, 1))
    top = 2 * steps - 1 if freedom % 2 == 0 else 2 * steps
    return np.concatenate([[1.0], np.cumprod(top / (top + 1.0))])


def _within(angle: float, freedom: int, factors: NDArray[np.float64]) -> float:
    powers = math.cos(angle) ** (2.0 * np.arange(len(factors)))
    total = math.sin(angle) * float(factors @ powers)
    if freedom % 2 == 0:
        return total
    return 2 / math.pi * (angle + (math.cos(angle) * total if freedom > 1 else 0.0))
