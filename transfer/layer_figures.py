"""What epochs say of their layers, statistic by statistic. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from transfer.finding import Figures

LEARNT = 0.01  # of a training loss: nats, or shares of the labels' variance
RECENT = 3  # epochs in which something has to be so, all the time


def of(epoch: Figures, statistic: str) -> dict[str, float]:
    """Return one statistic by scope, from the input on, of the layers that have it."""
    return {one.scope: value for one in epoch.layers if (value := getattr(one, statistic)) is not None}


def learning(epochs: Sequence[Figures]) -> list[Figures]:
    """Return the epochs in which there was something to learn."""
    return [epoch for epoch in epochs if math.isfinite(epoch.train_loss) and epoch.train_loss >= LEARNT]


def medians(epochs: Sequence[Figures], statistic: str) -> dict[str, float]:
    """Return one statistic's median over epochs by scope."""
    rows = [of(epoch, statistic) for epoch in epochs]
    return {scope: median(row[scope] for row in rows) for scope in (rows[0] if rows else ())}


def lasting(epochs: Sequence[Figures], statistic: str) -> dict[str, float]:
    """Return by scope what a statistic reached in each of the last epochs."""
    rows = [of(epoch, statistic) for epoch in epochs[-RECENT:] if math.isfinite(epoch.train_loss)]
    return {scope: min(row[scope] for row in rows) for scope in (rows[0] if rows else ())}


def others(scopes: Sequence[str]) -> str:
    """Say of how many more layers than the first something holds.

    >>> others(["a", "b", "c"]), others(["a"])
    (' (and 2 more)', '')
    """
    return f" (and {len(scopes) - 1} more)" if len(scopes) > 1 else ""
