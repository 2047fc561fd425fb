"""What a learning-rate range test says: the rates tried, the loss at each, and the rate to train with; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from registry.errors import ZooError

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
WORSE = 4.0  # times the best loss, at which the test ends
MEMORY = 0.9  # of the running mean that is compared with it
BEGUN = 0.2  # the share of its whole fall that the loss has fallen by where the fastest is looked for
REACH = 8  # steps on either side that a smoothed loss is the mean of


@dataclass(frozen=True)
class Range:
    """A range test (Smith 2017, section 3.3).

    Attributes:
        rates: in rising order.
        losses: the training loss at each, smoothed over its neighbours.
        suggested: the rate at which it falls fastest once it has begun to fall, to two digits.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float


def rising(lowest: float = LOWEST, highest: float = HIGHEST, steps: int = STEPS) -> tuple[float, ...]:
    """Return the rates of a test, geometrically from the lowest to the highest.

    >>> rising(0.01, 1.0, 3)
    (0.01, 0.1, 1.0)
    """
    return tuple(float(f"{rate:.6g}") for rate in np.geomspace(lowest, highest, steps))


def over(losses: Sequence[float]) -> bool:
    """Say whether a test has seen enough: the last loss is no number, or their running mean far above its best.

    >>> over([2.0, 1.0, 1.1]), over([2.0, 1.0, math.nan]), over([1.0] * 9 + [60.0])
    (False, True, True)
    """
    if not losses or not math.isfinite(losses[-1]):
        return bool(losses)
    mean, best = 0.0, math.inf
    for step, loss in enumerate(losses, start=1):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        best = min(best, mean / (1 - MEMORY**step))
    return mean / (1 - MEMORY ** len(losses)) > WORSE * best


def judged(rates: Sequence[float], losses: Sequence[float]) -> Range:
    """Return what a test found.

    Args:
        rates: rising.
        losses: one a rate, or fewer, the last of which may be no number.

    Raises:
        ZooError: the loss falls at none of the rates.
    """
    held = [loss for loss in losses if math.isfinite(loss)]
    smooth = smoothed(held)
    lowest = int(np.argmin(smooth)) if held else 0
    if lowest < 2:
        raise ZooError(
            f"no learning rate from {rates[0]:g} to {rates[-1]:g} lowers the loss",
            "look at the data with zoo data inspect; or clip the gradients: --clip-norm 1.0",
        )
    slopes = np.gradient(smooth[: lowest + 1], np.log(rates[: lowest + 1]))
    level = np.median(smooth[: min(2 * REACH, lowest // 2 + 1)])  # before it falls, its slopes are noise
    slopes[smooth[: lowest + 1] > level - BEGUN * (level - smooth[lowest])] = 0
    return Range(tuple(rates[: len(held)]), tuple(smooth), float(f"{rates[int(np.argmin(slopes))]:.2g}"))


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return each loss as the mean of its neighbours, the nearer the more (a Hann window), which moves no bend.

    >>> smoothed([2.0, 2.0, 2.0])
    [2.0, 2.0, 2.0]
    """
    window = np.hanning(2 * REACH + 3)[1:-1]
    kept = np.convolve(np.ones(len(losses)), window)[REACH:-REACH] if losses else np.ones(0)
    sums = np.convolve(losses, window)[REACH:-REACH] if losses else np.ones(0)
    return [float(total / weight) for total, weight in zip(sums, kept, strict=True)]
