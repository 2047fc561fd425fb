"""Counts to whole shares of them, so that rows and columns both come out. Pure, in integers only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def hamilton(total: int, shares: Sequence[int]) -> list[int]:
    """Divide a number by largest remainders (Hamilton's method); the earlier share wins a tie.

    >>> hamilton(10, (70, 15, 15))
    [7, 2, 1]
    """
    whole = sum(shares)
    parts = [total * share // whole for share in shares]
    over = [total * share % whole for share in shares]
    for place in sorted(range(len(shares)), key=lambda place: (-over[place], place))[: total - sum(parts)]:
        parts[place] += 1
    return parts


def apportioned(counts: Counts, shares: Sequence[int]) -> Counts:
    """Divide each class's samples among up to three splits.

    Each cell is its exact share rounded up or down, each row sums to its class's count, and each column to what
    `hamilton` gives of all. For up to three columns there is always such a table (controlled rounding: Bacharach,
    Matrix Rounding Problems, Management Science 12, 1966). It is found by each row's largest remainders, and by
    moving single samples along rows from columns that have too many to those that have too few.

    One thing goes before the columns' sums: a class of two samples or more has one in the first split, the training's.

    Args:
        counts: `(k,)` samples a class.
        shares: up to three numbers, in proportion.

    Returns:
        `(k, s)` samples a class and split.

    >>> apportioned(np.array([10, 10]), (70, 15, 15)).tolist()
    [[7, 1, 2], [7, 2, 1]]
    """
    scaled = counts.astype(np.int64)[:, None] * np.array(shares, np.int64)[None, :]
    whole, over = scaled // sum(shares), scaled % sum(shares)
    pinned = (counts > 1) & (whole[:, 0] == 0) & (over[:, 0] > 0)
    rank = over.copy()
    rank[pinned, 0] = sum(shares)
    order = np.argsort(-rank, axis=1, kind="stable").argsort(axis=1, kind="stable")
    extra = order < (counts - whole.sum(axis=1))[:, None]
    free = over > 0
    free[pinned, 0] = False  # neither given away nor wanted
    due = hamilton(int(counts.sum()), shares)
    least = int(whole[:, 0].sum() + pinned.sum())
    if least > due[0]:
        due = [least, *hamilton(int(counts.sum()) - least, shares[1:])]
    surplus = (whole + extra).sum(axis=0) - np.array(due, np.int64)
    _level(extra, over, free, surplus)
    table: Counts = whole + extra
    return table


def _level(extra: NDArray[np.bool_], over: Counts, free: NDArray[np.bool_], surplus: Counts) -> None:
    """Move the rows' extra samples until no column has too many, as far as that can be."""
    columns = range(len(surplus))
    paths = [*permutations(columns, 2), *permutations(columns, 3)]
    while any(_move(extra, over, free, path, surplus) for path in paths):
        pass


def _move(
    extra: NDArray[np.bool_], over: Counts, free: NDArray[np.bool_], path: tuple[int, ...], surplus: Counts
) -> bool:
    """Move as many as can be from the first column of a path to its last; say whether there were any."""
    steps = [(start, end, _movable(extra, over, free, start, end)) for start, end in pairwise(path)]
    count = min(surplus[path[0]], -surplus[path[-1]], *(len(rows) for _, _, rows in steps))
    if count <= 0:
        return False
    for start, end, rows in steps:
        extra[rows[:count], start], extra[rows[:count], end] = False, True
    surplus[path[0]] -= count
    surplus[path[-1]] += count
    return True


def _movable(extra: NDArray[np.bool_], over: Counts, free: NDArray[np.bool_], start: int, end: int) -> Counts:
    """List the rows that can move one from column to column, first those that lose least by it."""
    rows = np.flatnonzero(extra[:, start] & ~extra[:, end] & free[:, start] & free[:, end])
    return rows[np.argsort(over[rows, start] - over[rows, end], kind="stable")]
