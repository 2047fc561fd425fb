"""What a split is balanced by: classes, the rarest of several labels, or the size of a number. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transfer.data.labels import Labels, coded
from transfer.data.records import Records

BINS = 10
A_BIN = 10  # samples at least


def strata(records: Records, labels: Labels, kind: str) -> NDArray[np.int64]:
    """Return `(n,)` what each sample counts as when splits are made; depends on the data's own labels only.

    So it is the same whichever model the data are read for, and whichever of their classes are chosen.

    Args:
        records: the samples.
        labels: theirs, by `labels_of`.
        kind: what they are.

    Raises:
        ZooError: as `coded`.
    """
    if kind == "class":
        return coded(records, labels).codes
    if kind == "multilabel":
        return rarest(labels)
    return bins(labels)


def rarest(labels: Labels) -> NDArray[np.int64]:
    """Return the rarest label that each row of `(n, k)` has, as its column; k where it has none.

    >>> rarest(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]])).tolist()
    [1, 0, 3]
    """
    columns = labels[:, None] if labels.ndim == 1 else labels
    has = columns == 1
    rank = np.argsort(np.argsort(has.sum(axis=0), kind="stable"), kind="stable")
    width = columns.shape[1]
    places = np.where(has, rank, width).argmin(axis=1)
    found: NDArray[np.int64] = np.where(has.any(axis=1), places, width).astype(np.int64)
    return found


def bins(labels: Labels) -> NDArray[np.int64]:
    """Return each number's place among ten equal parts of them by size; all 0 of several columns, or of few rows.

    >>> bins(np.arange(40.0)[::-1])[[0, 12, 39]].tolist()
    [3, 2, 0]
    """
    count = min(BINS, len(labels) // A_BIN)
    if labels.ndim == 2 or not count:
        return np.zeros(len(labels), np.int64)
    rank = np.argsort(np.argsort(labels, kind="stable"), kind="stable")
    return (rank * count // len(labels)).astype(np.int64)
