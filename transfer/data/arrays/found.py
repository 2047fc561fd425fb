"""Samples and labels in arrays, checked and put together as what a reader found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from registry.errors import ZooError
from transfer.data.arrays.labels import labelled
from transfer.data.arrays.samples import ArraySamples, Rowed
from transfer.data.dataset import Array
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Records, Rows

HINT = "remove or fill these rows, or leave them out: --skip-broken"
WHY = "it holds NaN or infinite values"


@dataclass(frozen=True)
class Labelled:
    """Arrays with labels as a file holds them.

    Attributes:
        arrays: samples `(n, ...)`, by the input's name; an only array has the empty name.
        called: what errors call them: `digits.npz: x_train`.
        labels: in any form that `labelled` knows; None where there are none.
        names: of an integer label's values, or of the labels' columns, where they are known.
        groups: `(n,)` of any type: which samples belong together.
    """

    arrays: Mapping[str, Rowed]
    called: str
    labels: Array | None = None
    names: tuple[str, ...] = ()
    groups: Array | None = None


def found(ref: str, parts: Mapping[str, Labelled], reading: Reading) -> Found:
    """Check samples and labels, and bring the labels into one form.

    Raises:
        ZooError: samples are no numbers, not as many as labels, or not finite; or the labels are in no known form.
    """
    for part in parts.values():
        _check(part)
    raw = {name: part.labels for name, part in parts.items() if part.labels is not None}
    labels = labelled(raw, {name: part.called for name, part in parts.items()}, reading.target_type)
    broken: list[Broken] = []
    records = {}
    for name, part in parts.items():
        samples = ArraySamples.of(part.arrays, part.called)
        sound = _sound(samples, reading.skip_broken, broken)
        records[name] = _chosen(_records(part, samples, labels.get(name)), sound)
    return Found(ref, "arrays", records, tuple(broken))


def _records(part: Labelled, samples: ArraySamples, labels: Array | None) -> Records:
    names = part.names
    if labels is not None and labels.ndim == 2 and not names:
        names = tuple(str(column) for column in range(labels.shape[1]))
    return Records(samples, labels, names, None if part.groups is None else part.groups.astype(np.str_))


def _chosen(records: Records, rows: Rows | None) -> Records:
    if rows is None:
        return records
    labels = None if records.labels is None else records.labels[rows]
    groups = None if records.groups is None else records.groups[rows]
    return replace(records, samples=records.samples.rows(rows), labels=labels, groups=groups)


def _check(part: Labelled) -> None:
    labels, first = part.labels, next(iter(part.arrays.values()))
    for name, array in part.arrays.items():
        where = f"{part.called}, input {name!r}," if name else part.called
        if array.dtype.kind not in "uifb":
            raise ZooError(f"{where} samples are of dtype {array.dtype}; expected numbers")
        if not array.shape:
            raise ZooError(f"{where} holds a single number; expected samples (n, ...)")
        if labels is not None and labels.shape[:1] != array.shape[:1]:
            got, expected = labels.shape, array.shape[0]
            raise ZooError(f"{where} has {expected} samples and labels of shape {got}; expected ({expected},)")
        if array.shape[0] != first.shape[0]:
            raise ZooError(f"{where} has {array.shape[0]} samples; expected {first.shape[0]}, as the first input has")


def _sound(samples: ArraySamples, skip: bool, broken: list[Broken]) -> Rows | None:
    """Return the rows whose numbers are finite, None for all; the others are an error, or are added to `broken`."""
    bad = {name: rows for name in samples.arrays if len(rows := _not_finite(samples, name))}
    if not bad:
        return None
    if not skip:
        name, rows = next(iter(bad.items()))
        where = f"{samples.called}, input {name!r}," if name else samples.called
        raise ZooError(
            f"{where} holds NaN or infinite values in {len(rows)} of {len(samples)} rows, the first in row {rows[0]}",
            HINT,
        )
    gone = np.unique(np.concatenate(list(bad.values())))
    broken += [Broken(samples.where(int(row)), WHY) for row in gone]
    return np.setdiff1d(np.arange(len(samples)), gone)


def _not_finite(samples: ArraySamples, name: str) -> Rows:
    array = samples.arrays[name]
    if array.dtype.kind != "f":
        return np.zeros(0, np.int64)
    bad = []
    for start in range(0, len(samples), samples.block):
        block = np.asarray(array[start : start + samples.block])
        bad.append(start + np.flatnonzero(~np.isfinite(block.reshape(len(block), -1)).all(axis=1)))
    return np.concatenate(bad) if bad else np.zeros(0, np.int64)
