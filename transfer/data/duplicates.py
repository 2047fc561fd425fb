"""Samples of the same content in two splits: what a model was tested on and had seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from transfer.data.dataset import Dataset, Split
from transfer.data.records import Digests


@dataclass(frozen=True)
class Twins:
    """Two samples of the same content: in which split each is, and where it lies."""

    split: str
    where: str
    other: str
    other_where: str


@dataclass(frozen=True)
class Shared:
    """How many samples of the split `other` are also in `split`."""

    split: str
    other: str
    count: int


@dataclass(frozen=True)
class Duplicates:
    """What splits have in common.

    Attributes:
        shared: for each two splits that have something in common.
        twins: the first of these samples.
        repeated: by split, how many of its samples are also in it at an earlier place; only those above 0.
    """

    shared: tuple[Shared, ...]
    twins: tuple[Twins, ...]
    repeated: Mapping[str, int]


def shared_samples(data: Dataset) -> tuple[str, ...]:
    """Say how many samples of a split are in another too, a sentence for each two splits that share any."""
    found = duplicates({name: split for name, split in data.splits.items() if len(split)}).shared
    return tuple(f"samples of {one.other} that are in {one.split} too: {one.count:,}" for one in found)


def duplicates(splits: Mapping[str, Split], most: int = 20) -> Duplicates:
    """Compare the content of all samples.

    Args:
        splits: by name, training first.
        most: how many pairs of samples are listed, for each two splits.
    """
    digests = [split.samples.digests for split in splits.values() if len(split)]
    ends = np.cumsum([len(split) for split in splits.values()])[:-1]
    parts = dict(zip(splits, np.split(_contents(digests), ends), strict=True))
    shared: list[Shared] = []
    twins: list[Twins] = []
    for one, other in combinations(splits, 2):
        rows = np.flatnonzero(np.isin(parts[other], parts[one]))
        if len(rows):
            shared.append(Shared(one, other, len(rows)))
            twins += [_twins(splits, parts, one, other, int(row)) for row in rows[:most]]
    repeated = {name: len(part) - len(np.unique(part)) for name, part in parts.items()}
    return Duplicates(tuple(shared), tuple(twins), {name: count for name, count in repeated.items() if count})


def _twins(
    splits: Mapping[str, Split], parts: Mapping[str, NDArray[np.int64]], one: str, other: str, row: int
) -> Twins:
    first = int(np.flatnonzero(parts[one] == parts[other][row])[0])
    return Twins(one, splits[one].samples.where(first), other, splits[other].samples.where(row))


def _contents(digests: list[Digests]) -> NDArray[np.int64]:
    """Return a number for each sample, `(n,)`: the same where the digest is."""
    if not digests:
        return np.zeros(0, np.int64)
    words = np.ascontiguousarray(np.concatenate(digests)).view(np.uint64)
    order = np.lexsort(words.T)
    new = np.ones(len(order), bool)
    new[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1)
    contents = np.empty(len(order), np.int64)
    contents[order] = new.cumsum()
    return contents
