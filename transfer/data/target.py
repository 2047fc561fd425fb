"""What a model is to say of a sample: one class, several labels, or numbers; and labels in that form. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError, first_few
from transfer.data.labels import Coded, Labels, coded, labels_of
from transfer.data.reading import TARGET_TYPES
from transfer.data.records import Records

SHOWN = 5
LABELS = 20  # that are named
WORDS = {"class": "classes", "multilabel": "labels", "number": "numbers to tell"}
ONE = {"class": "1 class", "multilabel": "1 label", "number": "1 number to tell"}


@dataclass(frozen=True)
class Target:
    """What labels mean.

    Attributes:
        kind: `class` (one of several), `multilabel` (any of several), or `number` (one or more).
        classes: the labels' names, in the order of a model's outputs; of numbers, the names of their columns.
        mean, deviation: of numbers, those of the training labels, one a column; empty where nothing is trained on.
    """

    kind: str
    classes: tuple[str, ...]
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in TARGET_TYPES:
            raise ZooError(f"{self.kind!r} is no kind of target; expected {', '.join(TARGET_TYPES)}")
        if len(set(self.classes)) < len(self.classes):
            raise ZooError(f"a target's labels have the same name twice: {', '.join(self.classes[:20])}")
        wanted = (0, len(self.classes)) if self.kind == "number" else (0,)
        if len(self.mean) not in wanted or len(self.deviation) != len(self.mean):
            raise ZooError(f"a {self.kind} target has {len(self.mean)} means for {len(self.classes)} labels")

    @property
    def width(self) -> int:
        """How many numbers a model gives for a sample."""
        return len(self.classes)

    @property
    def asked(self) -> str:
        """Say in words how many of what a model is to tell."""
        return f"{self.width} {WORDS[self.kind]}" if self.width != 1 else ONE[self.kind]


def find_target(
    records: Records, kind: str, ref: str, columns: tuple[str, ...] = (), known: tuple[str, ...] = ()
) -> Target:
    """Say what the labels of training records mean.

    Args:
        records: those of the training split.
        kind: `transfer.data.labels.kind_of` them.
        ref: what the data are called in an error.
        columns: the target's columns as the user named them: names for numbers that have none.
        known: a model's own labels, whose order counts; empty where there is no model.

    Returns:
        The target, without mean and deviation: `scaled` adds these.

    Raises:
        ZooError: a label is none of the known ones, or they cannot be told apart.
    """
    labels = labels_of(records, ref)
    if kind == "class":
        code = coded(records, labels)
        if known:
            _check_known(code, known, records, "that the model does not know")
        return Target(kind, known or code.names)
    width = labels.shape[1] if labels.ndim == 2 else 1
    numbered = ("value",) if width == 1 else tuple(f"value {number}" for number in range(1, width + 1))
    others = (columns, known, numbered) if kind == "number" else (known,)
    names = column_names(records, labels, *others)
    if known and sorted(known) != sorted(names):
        raise ZooError(f"{ref} has the labels {first_few(names, LABELS)}; the model knows {first_few(known, LABELS)}")
    return Target(kind, known or names)


def column_names(records: Records, labels: Labels, *others: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of labels' columns: the data's own, or the first others that fit, or `0`, `1` and so on."""
    width = labels.shape[1] if labels.ndim == 2 else 1
    for names in (records.names, *others):
        if len(names) == width:
            return names
    return tuple(map(str, range(width)))


def scaled(target: Target, y: NDArray[np.float32]) -> Target:
    """Add mean and standard deviation of training numbers `(n, k)`, exactly rounded, so the same on all machines.

    Raises:
        ZooError: a column is the same number in all rows.
    """
    columns = [[float(value) for value in column] for column in y.T]
    means = tuple(math.fsum(column) / len(column) for column in columns)
    squares = [math.fsum((v - mean) ** 2 for v in column) for column, mean in zip(columns, means, strict=True)]
    deviations = tuple(math.sqrt(square / len(y)) for square in squares)
    for name, deviation, mean in zip(target.classes, deviations, means, strict=True):
        if not deviation:
            raise ZooError(f"the number {name!r} is {mean:g} in all of the training split: there is nothing to learn")
    return Target(target.kind, target.classes, means, deviations)


def values(records: Records, target: Target, ref: str, unknown: str = "unseen in training") -> NDArray[Any]:
    """Return labels as a loss takes them.

    Args:
        records: samples with their labels.
        target: what they mean.
        ref: what the data are called in an error.
        unknown: what a label is that the target does not have.

    Returns:
        `(n,) int64` positions in the target's classes; or `(n, k) float32`, of several labels 0 and 1.

    Raises:
        ZooError: a row has no label, or one that does not fit the target; it is named.
    """
    labels = labels_of(records, ref)
    if target.kind == "class":
        code = coded(records, labels)
        _check_known(code, target.classes, records, unknown)
        place = {name: position for position, name in enumerate(target.classes)}
        return np.array([place[name] for name in code.names], dtype=np.int64)[code.codes]
    return _columns(records, labels, target, ref)


def _columns(records: Records, labels: Labels, target: Target, ref: str) -> NDArray[np.float32]:
    labels = labels[:, None] if labels.ndim == 1 else labels
    if labels.dtype.kind == "U" or labels.shape[1] != target.width:
        raise ZooError(f"{ref} has labels {labels.shape} {labels.dtype}; expected {target.width} number(s) a sample")
    if len(records.names) == target.width and records.names != target.classes:
        if sorted(records.names) != sorted(target.classes):
            raise ZooError(
                f"{ref} has the labels {first_few(records.names, LABELS)}; expected {first_few(target.classes, LABELS)}"
            )
        labels = labels[:, [records.names.index(name) for name in target.classes]]
    with np.errstate(over="ignore"):
        numbers = labels.astype(np.float32)
    wrong = ~np.isfinite(numbers) if target.kind == "number" else (labels != 0) & (labels != 1)
    rows = np.flatnonzero(wrong.any(axis=1))
    if len(rows):
        expected = "a number that float32 holds" if target.kind == "number" else "0 or 1"
        got = labels[rows[0]][wrong[rows[0]]][0]
        raise ZooError(f"{records.samples.where(int(rows[0]))} has the label {got}; expected {expected}")
    return numbers


def _check_known(code: Coded, known: tuple[str, ...], records: Records, unknown: str) -> None:
    allowed = set(known)
    strange = [name for name in code.names if name not in allowed]
    if not strange:
        return
    rows = np.flatnonzero(np.isin(code.codes, [code.names.index(name) for name in strange[:SHOWN]]))
    more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
    places = "; ".join(records.samples.where(int(row)) for row in rows[:SHOWN])
    raise ZooError(
        f"a label {unknown}: {', '.join(strange[:SHOWN])}{more}, in {places}; expected {first_few(known, LABELS)}",
        "put the labels right, or take the other classes only: --classes NAME,NAME",
    )
