"""How a layer fares in training, as a value. Pure: no TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGEST = 3.4e38  # of float32, nearly: stands for what is larger than that or no number, which JSON cannot say


@dataclass(frozen=True)
class LayerHealth:
    """One layer in one epoch.

    Attributes:
        scope: the layer's.
        gradient: root mean square of its kernel's gradient in the epoch's first step, before clipping; `LARGEST`
            where it is no finite number. None where no kernel of it trains.
        update: root mean square of that step's change of the kernel, by that of the kernel before it.
        gain: how many times larger the layer's sums are than what it reads, were that random: the root mean square of
            the kernel before that step, times the root of how many numbers a unit adds up. LeCun's, Xavier's and He's
            initialisations have 1 to 1.4 (He et al. 2015, section 2.2).
        dead: the share of units (of a convolution, channels) that give 0 for all validation samples that were
            looked at, at all positions; None where its activation is not one that can die.
        saturated: the share of outputs at an end of the activation's range, where it has hardly any slope; None
            where it has no end.
    """

    scope: str
    gradient: float | None = None
    update: float | None = None
    dead: float | None = None
    saturated: float | None = None
    gain: float | None = None


def bounded(value: float) -> float:
    """Return a number, or `LARGEST` for what is none or infinite.

    >>> bounded(0.5), bounded(math.nan) == LARGEST
    (0.5, True)
    """
    return value if math.isfinite(value) else LARGEST
