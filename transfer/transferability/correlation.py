"""How far two rankings agree, the first places counting most. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations


def weighted_tau(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Kendall's tau with additive hyperbolic weights by place, mean of the places by either (Vigna 2015).

    It is -1 to 1; nan where there are fewer than two, or all of one are the same.

    >>> weighted_tau([1, 2, 3], [10, 20, 30]), weighted_tau([1, 2, 3], [3, 2, 1])
    (1.0, -1.0)
    """
    return (_tau(x, y, _places(x, y)) + _tau(x, y, _places(y, x))) / 2


def _tau(x: Sequence[float], y: Sequence[float], places: Sequence[int]) -> float:
    both = one = other = 0.0
    for i, j in combinations(range(len(x)), 2):
        weight = 1 / (1 + places[i]) + 1 / (1 + places[j])
        a, b = _sign(x[i] - x[j]), _sign(y[i] - y[j])
        both, one, other = both + weight * a * b, one + weight * a * a, other + weight * b * b
    return both / math.sqrt(one * other) if one * other else math.nan


def _places(first: Sequence[float], second: Sequence[float]) -> list[int]:
    order = sorted(range(len(first)), key=lambda i: (first[i], second[i]), reverse=True)
    return [order.index(i) for i in range(len(first))]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
