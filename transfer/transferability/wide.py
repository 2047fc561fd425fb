"""A cut's tensors as one row of numbers a sample. Pure: numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.depths.evenly import evenly
from transfer.pieced import Held

WIDEST = 4096  # numbers that a row is scored by; of a wider one this many, evenly


def wide(arrays: Sequence[Held]) -> NDArray[np.float32]:
    """Lay tensors `(n, ...)` side by side, `(n, d) float32`: maps `(n, h, w, c)` by their mean over positions.

    >>> wide([np.array([[1, 2]]), np.array([[[3], [5]]])]).tolist()
    [[1.0, 2.0, 4.0]]
    """
    found = [np.asarray(array, np.float32) for array in arrays]
    flat = [one.mean(axis=tuple(range(1, one.ndim - 1))) if one.ndim > 2 else one for one in found]
    rows = np.concatenate([one.reshape(len(one), math.prod(one.shape[1:])) for one in flat], axis=1)
    return rows[:, evenly(rows.shape[1], WIDEST)]


def finite(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features as they are.

    Raises:
        ZooError: some are NaN or infinite.
    """
    if not np.isfinite(x).all():
        raise ZooError("its features are not finite")
    return x
