"""Samples divided among splits, exactly, and the same way on every machine. Pure.

NumPy's generators may draw other numbers in another version (its policy, NEP 19, keeps only the bit streams), and a
sample that one machine trained on must not be another's test sample. So positions are ordered by keys of SHA-256 of
seed and position, and everything else is done in integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transfer.data.apportion import apportioned
from transfer.data.records import Rows

WORDS = 4  # 64-bit keys in a digest


def keys(n: int, seed: int, purpose: str) -> NDArray[np.uint64]:
    """Return `(n,)` keys to order positions by: each depends on seed, purpose and position only.

    >>> keys(3, 0, "split").tolist() == keys(9, 0, "split").tolist()[:3]
    True
    """
    blocks = range(-(-n // WORDS))
    digests = b"".join(hashlib.sha256(f"{purpose} {seed} {block}".encode()).digest() for block in blocks)
    return np.frombuffer(digests, "<u8")[:n].astype(np.uint64)


def stratified(y: NDArray[np.int64], shares: Sequence[int], seed: int) -> tuple[Rows, ...]:
    """Divide samples so that each class has its share in each split, and the splits their share of all.

    Both are exact: a class's samples in a split are its share rounded up or down, and the totals are those of largest
    remainders. A class too small for every split is in training first: with two samples or more it has one there; its
    others fall where they are due, so a class of two may have none in validation, or none in test.

    Args:
        y: `(n,)` classes, as positions.
        shares: of up to three splits, training first, in proportion.
        seed: of the order.

    Returns:
        The rows of each split, ascending.
    """
    counts = np.bincount(y)
    ends = apportioned(counts, shares).cumsum(axis=1)
    order, rank = _ranked(y, counts, keys(len(y), seed, "split"))
    part = (rank[:, None] >= ends[y[order], :-1]).sum(axis=1)
    return tuple(np.sort(order[part == split]) for split in range(len(shares)))


def limited(y: NDArray[np.int64], per_class: int, seed: int) -> Rows:
    """Return the rows, ascending, of at most so many samples a class; a larger limit takes the same ones and more."""
    order, rank = _ranked(y, np.bincount(y), keys(len(y), seed, "limit"))
    return np.sort(order[rank < per_class])


def _ranked(y: NDArray[np.int64], counts: NDArray[np.int64], by: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """Return the rows by class and key, and the place of each in its class."""
    order = np.lexsort((by, y))  # stable
    starts = counts.cumsum() - counts
    return order, np.arange(len(y)) - starts[y[order]]
