"""The least of a smooth function of many variables, by L-BFGS. Pure: NumPy only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]
Function = Callable[[Point], tuple[float, Point]]  # a point's value and gradient

MEMORY = 10
STEPS = 200
ENOUGH = 1e-4  # of a step's expected fall (Armijo)
SMALLEST = 1e-8  # step


def minimise(function: Function, start: Point, *, tolerance: float = 1e-4, steps: int = STEPS) -> Point:
    """Return the point `(d,)` where a convex function is least.

    The two-loop recursion of J. Nocedal and S. Wright, Numerical Optimization (2nd ed.), algorithm 7.4, with steps that
    are halved until the value falls enough.

    Args:
        function: gives value and gradient.
        start: where to begin.
        tolerance: the largest partial derivative that counts as none.
        steps: the most to take.
    """
    point, pairs = start, deque[tuple[Point, Point]](maxlen=MEMORY)
    value, gradient = function(point)
    for _ in range(steps):
        if np.abs(gradient).max() <= tolerance:
            break
        direction = -_scaled(gradient, pairs)
        slope, step = float(direction @ gradient), 1.0 if pairs else 1 / max(1.0, float(np.linalg.norm(gradient)))
        there, there_gradient = function(point + step * direction)
        while there > value + ENOUGH * step * slope and step > SMALLEST:
            step /= 2
            there, there_gradient = function(point + step * direction)
        if there >= value:  # as exact as the numbers allow
            break
        moved, turned = step * direction, there_gradient - gradient
        if float(moved @ turned) > 1e-12 * float(moved @ moved):
            pairs.append((moved, turned))
        point, value, gradient = point + moved, there, there_gradient
    return point


def _scaled(gradient: Point, pairs: deque[tuple[Point, Point]]) -> Point:
    """Multiply by the inverse of the curvature that the last steps met."""
    result, shares = gradient.copy(), []
    for moved, turned in reversed(pairs):
        share = float(moved @ result) / float(moved @ turned)
        result -= share * turned
        shares.append(share)
    if pairs:
        moved, turned = pairs[-1]
        result *= float(moved @ turned) / float(turned @ turned)
    for (moved, turned), share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(turned @ result) / float(moved @ turned)) * moved
    return result
