"""Weights that make up for rare classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from transfer.data.target import Target


def balanced(target: Target, labels: Any) -> tuple[float, ...] | tuple[tuple[float, float], ...]:
    """Return a weight for each class; of several labels a pair each, for no and for yes.

    It is `n / (classes * count)` (King and Zeng 2001), so that all classes weigh alike, and a sample 1 on average.
    Classes that no sample has count as none.

    Args:
        target: classes, or several labels.
        labels: positions of classes `(n,)`, or 0 and 1 `(n, k)`.
    """
    held = np.asarray(labels)
    if target.kind == "class":
        return tuple(_weights(np.bincount(held.astype(np.int64), minlength=target.width)))
    yes = (held > 0.5).sum(axis=0)
    pairs = [_weights(np.array([len(held) - count, count])) for count in yes]
    return tuple((no, yes) for no, yes in pairs)


def _weights(counts: Any) -> list[float]:
    present = np.maximum(counts, 1) * (counts > 0).sum()
    return [float(weight) for weight in np.where(counts > 0, counts.sum() / present, 0.0)]
