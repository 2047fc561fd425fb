"""Find digests among many: sorted by their first 8 bytes, 16 bytes a digest beside the digests themselves. Pure.

A dictionary of bytes takes some 230 bytes a digest, which at 100 million samples is the memory of the machine.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from transfer.data.dataset import Array
from transfer.data.records import Digests, Rows

TOGETHER = 2**20  # digests that are looked for at once


class Index:
    """Digests `(n, 32) uint8`, to be found; of equal ones the last counts. They are sorted when one is looked for."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests

    @cached_property
    def _sorted(self) -> tuple[Array, Rows]:
        heads = _heads(self._digests)
        order = np.argsort(heads, kind="stable")
        return heads[order], order

    def find(self, samples: Digests) -> Rows:
        """Return the position of each of some digests `(m, 32)`; -1 where it is not here."""
        found = np.empty(len(samples), np.int64)
        for start in range(0, len(samples), TOGETHER):
            found[start : start + TOGETHER] = self._find(samples[start : start + TOGETHER])
        return found

    def _find(self, samples: Digests) -> Rows:
        found = np.full(len(samples), -1, np.int64)
        if not len(self._digests):
            return found
        heads, (known, order) = _heads(samples), self._sorted
        left = np.argsort(heads)  # searched in order, they stay in the processor's cache
        places = np.empty_like(left)
        places[left] = np.searchsorted(known, heads[left], side="right") - 1
        while len(left):  # one round, but where two digests that differ begin alike
            left = left[(places[left] >= 0) & (known[places[left]] == heads[left])]
            rows = order[places[left]]
            same = (self._digests[rows] == samples[left]).all(axis=1)
            found[left[same]] = rows[same]
            left = left[~same]
            places[left] -= 1
        return found


def firsts(digests: Digests) -> Rows:
    """Return the positions at which a digest stands for the first time, in ascending order.

    >>> firsts(np.array([[7] * 32, [5] * 32, [7] * 32], np.uint8))
    array([0, 1])
    """
    heads = _heads(digests)
    order = np.argsort(heads, kind="stable")
    alike = np.flatnonzero(heads[order[1:]] == heads[order[:-1]])
    seen, again = set[bytes](), list[int]()
    for row in np.unique(np.concatenate([order[alike], order[alike + 1]])).tolist():
        digest = digests[row].tobytes()
        if digest in seen:
            again.append(row)
        seen.add(digest)
    return np.delete(np.arange(len(digests)), again)


def _heads(digests: Digests) -> Array:
    return np.ascontiguousarray(digests[:, :8]).view("<u8").reshape(-1)
