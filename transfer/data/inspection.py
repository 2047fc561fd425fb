"""What data are, as `zoo data inspect` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transfer.data.dataset import Dataset, Split
from transfer.data.duplicates import Duplicates, duplicates
from transfer.data.records import Broken
from transfer.data.summaries import summary
from transfer.data.target import Target

LOOKED_AT = 10_000


@dataclass(frozen=True)
class ClassCount:
    """How many samples of each split have a label, by the split's name."""

    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class NumberRange:
    """What the numbers of one column are in a split."""

    name: str
    split: str
    least: float
    mean: float
    largest: float


@dataclass(frozen=True)
class Inspection:
    """What was understood of data.

    Attributes:
        ref: where they came from.
        kind: `images`, `table` or `arrays`.
        target: `class`, `multilabel` or `number`.
        fingerprint: of the content.
        samples: how many, by split.
        classes: the labels, in the target's order; empty of numbers.
        numbers: the ranges; empty of classes.
        summary: by split, what the samples are like, in a few words by what they have.
        duplicates: samples of the same content.
        broken: samples that were left out.
        remarks: what a person should know of how the data were taken.
    """

    ref: str
    kind: str
    target: str
    fingerprint: str
    samples: Mapping[str, int]
    classes: tuple[ClassCount, ...]
    numbers: tuple[NumberRange, ...]
    summary: Mapping[str, Mapping[str, str]]
    duplicates: Duplicates
    broken: tuple[Broken, ...]
    remarks: tuple[str, ...]

    @property
    def balance(self) -> float | None:
        """How many samples the smallest class has in training for one of the largest; None without classes."""
        counts = [one.counts.get("train", 0) for one in self.classes]
        largest = max(counts, default=0)
        return min(counts) / largest if largest else None


def inspect(data: Dataset, most: int = LOOKED_AT) -> Inspection:
    """Look at a data set.

    Args:
        data: what to look at; every sample's content is read for its digest.
        most: how many samples of a split are looked at for their summary.
    """
    splits = {name: split for name, split in data.splits.items() if len(split)}
    numbers = data.target.kind == "number"
    return Inspection(
        ref=data.ref,
        kind=data.kind,
        target=data.target.kind,
        fingerprint=data.fingerprint,
        samples={name: len(split) for name, split in data.splits.items()},
        classes=() if numbers else _classes(splits, data.target),
        numbers=_numbers(splits, data.target) if numbers else (),
        summary={name: summary(split.samples, most) for name, split in splits.items()},
        duplicates=duplicates(splits),
        broken=data.broken,
        remarks=data.remarks,
    )


def _classes(splits: Mapping[str, Split], target: Target) -> tuple[ClassCount, ...]:
    counts = {
        name: np.bincount(split.y, minlength=target.width) if target.kind == "class" else (split.y == 1).sum(axis=0)
        for name, split in splits.items()
    }
    return tuple(
        ClassCount(label, {name: int(count[place]) for name, count in counts.items()})
        for place, label in enumerate(target.classes)
    )


def _numbers(splits: Mapping[str, Split], target: Target) -> tuple[NumberRange, ...]:
    return tuple(
        NumberRange(label, name, float(column.min()), float(column.mean(dtype=np.float64)), float(column.max()))
        for place, label in enumerate(target.classes)
        for name, split in splits.items()
        for column in [split.y[:, place]]
    )
