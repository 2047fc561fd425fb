"""Some of many, at even distances. Pure: numpy."""

from __future__ import annotations

import numpy as np

from transfer.data.records import Rows


def evenly(n: int, most: int) -> Rows:
    """Return at most so many of `n` rows, evenly drawn, in order.

    >>> evenly(10, 5).tolist(), evenly(3, 5).tolist()
    ([0, 2, 4, 6, 8], [0, 1, 2])
    """
    return np.arange(min(n, most), dtype=np.int64) * n // max(1, min(n, most))
