"""Samples divided among splits by groups, such as patients: none is on two sides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.records import Records, Rows
from transfer.data.splits import keys


def grouped(groups: NDArray[np.str_], y: NDArray[np.int64], shares: Sequence[int], seed: int) -> tuple[Rows, ...]:
    """Divide samples so that no group is in two splits, and classes are as near their shares as a greedy choice brings.

    Groups are placed one by one, the largest first, and those of a size by key. Each goes where the sum of squares of
    what the classes have too much or too little, each by its class's size, grows least; the number of samples counts
    as much as all classes together. Of splits that are equally good the first is taken. A split that is wanted and
    got nothing is then given the smallest group of those that have several: so none is empty where there are as many
    groups as splits. A group that holds all samples of a class goes into training, since nothing else would know it.

    Args:
        groups: `(n,)` their names.
        y: `(n,)` classes, as positions.
        shares, seed: as `stratified`.

    Returns:
        The rows of each split, ascending.
    """
    _, group = np.unique(groups, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group)
    order = np.lexsort((keys(len(sizes), seed, "group"), -sizes))
    rows = np.split(np.argsort(group, kind="stable"), sizes.cumsum()[:-1])
    placed = np.zeros(len(sizes), np.int64)
    balance = _Balance(y, shares)
    only = _only(group, y)
    for one in order:
        placed[one] = balance.place(y[rows[one]], training=one in only)
    _fill(placed, [(one in only, sizes[one]) for one in range(len(sizes))], order, shares)
    return tuple(np.flatnonzero(placed[group] == split) for split in range(len(shares)))


def _only(group: NDArray[np.int64], y: NDArray[np.int64]) -> set[int]:
    """Return the groups that hold all samples of some class."""
    pairs = np.unique(np.stack([y, group]), axis=1)
    classes, first, counts = np.unique(pairs[0], return_index=True, return_counts=True)
    return set(pairs[1][first[counts == 1]].tolist()) if len(classes) > 1 else set()


class _Balance:
    """What each split has of each class, beside what it is due; counted in integers, so that ties are ties anywhere."""

    UNIT = 2**20

    def __init__(self, y: NDArray[np.int64], shares: Sequence[int]) -> None:
        counts = np.bincount(y)
        self._whole, self._open = sum(shares), np.flatnonzero(np.array(shares))
        self._over = -counts[:, None] * np.array(shares, np.int64)[None, :]
        self._over_all = -len(y) * np.array(shares, np.int64)
        self._weights = np.maximum(1, self.UNIT // np.maximum(1, counts))
        classes = min(1000, int(np.count_nonzero(counts)))  # bounded: the sums stay below 2 ** 63
        self._weight_all = max(1, classes * self.UNIT // len(y))

    def place(self, y: NDArray[np.int64], *, training: bool) -> int:
        """Choose the split for a group with these classes, the first if it is for training, and count it there."""
        classes, have = np.unique(y, return_counts=True)
        growth = (self._weights[classes] * have)[:, None] * (2 * self._over[classes] + (have * self._whole)[:, None])
        growth_all = self._weight_all * len(y) * (2 * self._over_all + len(y) * self._whole)
        cost = growth.sum(axis=0) + growth_all
        split = 0 if training else int(self._open[np.argmin(cost[self._open])])
        self._over[classes, split] += have * self._whole
        self._over_all[split] += len(y) * self._whole
        return split


def _fill(placed: NDArray[np.int64], weights: Sequence[tuple[bool, int]], order: Rows, shares: Sequence[int]) -> None:
    """Give each wanted split that is empty a group, the lightest that can be spared."""
    for split in (split for split, share in enumerate(shares) if share and split not in placed):
        held = np.bincount(placed, minlength=len(shares))
        spare = [one for one in reversed(order.tolist()) if held[placed[one]] > 1]
        if spare:
            placed[min(spare, key=lambda one: weights[one])] = split


def check_groups(records: Records) -> NDArray[np.str_] | None:
    """Return the samples' groups, none of them missing; None where there are none.

    Raises:
        ZooError: a sample has no group.
    """
    if records.groups is None:
        return None
    missing = np.flatnonzero(records.groups == "")
    if len(missing):
        raise ZooError(
            f"{records.samples.where(int(missing[0]))} has no group, as {len(missing)} sample(s) in all",
            "fill the group column, or leave these samples out",
        )
    return records.groups


def check_apart(parts: Mapping[str, Records], column: str | None) -> None:
    """Refuse data that come split and have a group in two splits.

    Raises:
        ZooError: naming the group and a sample of it on either side; or a sample has no group.
    """
    seen: dict[str, tuple[str, int]] = {}
    for name, records in parts.items():
        groups = check_groups(records)
        if groups is None:
            continue
        values, firsts = np.unique(groups, return_index=True)
        own = dict(zip(values.tolist(), firsts.tolist(), strict=True))
        for group in sorted(own.keys() & seen.keys()):
            other, row = seen[group]
            here, there = records.samples.where(own[group]), parts[other].samples.where(row)
            raise ZooError(
                f"the group {group!r}{f' of {column}' if column else ''} is in two splits: "
                f"{other} ({there}) and {name} ({here})",
                "put all its samples into one split",
            )
        seen |= {group: (name, row) for group, row in own.items()}
