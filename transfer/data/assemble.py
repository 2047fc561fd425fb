"""From what a reader found to a data set: splits are made, classes chosen, labels read, and everything checked. Pure.

What a sample's split is depends on the data and the seed alone: splits are made of all classes, then samples are
limited, then classes chosen. So whatever a run was asked to train on, none of it is another command's test sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from registry.errors import ZooError
from transfer.data.choice import chosen_classes
from transfer.data.dataset import SPLITS, Dataset, Split
from transfer.data.groups import check_apart
from transfer.data.labels import coded, kind_of, labels_of
from transfer.data.parting import Parted, part
from transfer.data.reading import Reading
from transfer.data.records import Found, Records, Rows
from transfer.data.splits import limited
from transfer.data.target import Target, column_names, find_target, scaled, values

ALL = "all"
SCORED = "zoo evaluate and zoo predict take such data; to train, add a training split"
SMALL = "add samples, or divide them otherwise, such as --split 60/40/0"


def assemble(found: Found, reading: Reading, known_classes: tuple[str, ...] | None = None) -> Dataset:
    """Make a data set.

    Args:
        found: what a reader found.
        reading: how the user wants it read.
        known_classes: the labels of the model that the data are to be scored with, in its order (empty where it has
            no names for them); the data may then lack training samples. None where a model is to be trained.

    Raises:
        ZooError: labels are missing, unknown or of a kind that does not fit; a class or a split is too small; a group
            is in two splits; or the options do not fit the data.
    """
    parts = _parts(found, training=known_classes is None)
    check_apart(parts, reading.group_column)
    kind = _kind(parts, reading, found.ref)
    chosen = _chosen(next(iter(parts.values())), kind, reading, found.ref)
    if kind == "multilabel" and chosen:
        parts = {name: _columns(records, chosen, found.ref) for name, records in parts.items()}
    parted = part(parts, kind, reading, found.ref, chosen, strict=known_classes is None)
    classes = chosen if kind == "class" else ()
    taken = {name: _taken(name, one, kind, reading, classes, found.ref) for name, one in parted.items()}
    return _dataset(found, taken, kind, reading, known_classes)


def _parts(found: Found, *, training: bool) -> dict[str, Records]:
    """Return the records by split; those that are not split are all training for now."""
    parts = {"train": found.parts[ALL]} if set(found.parts) == {ALL} else dict(found.parts)
    strange = sorted(set(parts) - set(SPLITS))
    if strange or not parts:
        raise ZooError(f"{found.ref} has the splits {', '.join(sorted(parts)) or 'none'}; expected {', '.join(SPLITS)}")
    if training and "train" not in parts:
        raise ZooError(f"{found.ref} has no training split: it holds {', '.join(parts)}", SCORED)
    for name, records in parts.items():
        if records.labels is None:
            labels_of(records, _called(found, name))
        if not len(records) and name != "valid":
            raise ZooError(f"{_called(found, name)} is empty")
    return {name: parts[name] for name in SPLITS if name in parts}


def _called(found: Found, name: str) -> str:
    return found.ref if ALL in found.parts else f"{found.ref}: the {name} split"


def _kind(parts: Mapping[str, Records], reading: Reading, ref: str) -> str:
    """Say what the labels are: by the training split, or by all where any row could make them something else."""
    labels = [labels_of(records, ref) for records in parts.values()]
    alike = {(one.ndim, one.dtype.kind, one.shape[1:]) for one in labels}
    if len(alike) == 1 and (labels[0].ndim == 2 or labels[0].dtype.kind == "f"):
        return kind_of(np.concatenate(labels), reading.target_type, ref)
    return kind_of(labels[0], reading.target_type, ref)


def _chosen(records: Records, kind: str, reading: Reading, ref: str) -> tuple[str, ...]:
    """Return the classes that the user chose; empty for all."""
    if kind != "class" and reading.limit_per_class is not None:
        raise ZooError(f"--limit-per-class wants one class a sample; the labels of {ref} are of the type {kind}")
    if reading.classes is None:
        return ()
    if kind == "number":
        raise ZooError(f"--classes wants classes; the labels of {ref} are numbers")
    labels = labels_of(records, ref)
    return chosen_classes(
        reading.classes, coded(records, labels).names if kind == "class" else column_names(records, labels)
    )


def _columns(records: Records, chosen: tuple[str, ...], ref: str) -> Records:
    """Keep the columns of some labels; the samples stay, also those that have none of them."""
    labels = labels_of(records, ref)
    names = column_names(records, labels)
    missing = [name for name in chosen if name not in names]
    if missing:
        raise ZooError(f"{ref} has no label {missing[0]!r} in one of its splits")
    columns = labels[:, None] if labels.ndim == 1 else labels
    return replace(records, labels=columns[:, [names.index(name) for name in chosen]], names=chosen)


def _taken(name: str, one: Parted, kind: str, reading: Reading, chosen: tuple[str, ...], ref: str) -> Records:
    """Take a split's samples: at most so many a class, except of the test split, and of the chosen classes."""
    rows = one.rows
    if kind == "class" and (chosen or reading.limit_per_class is not None):
        code = coded(one.records, labels_of(one.records, ref))
        if reading.limit_per_class is not None and name != "test":
            rows = rows[limited(code.codes[rows], reading.limit_per_class, reading.seed)]
        if chosen:
            wanted = [position for position, label in enumerate(code.names) if label in chosen]
            rows = rows[np.isin(code.codes[rows], wanted)]
    return one.records if len(rows) == len(one.records) else _rows(one.records, rows)


def _rows(records: Records, rows: Rows) -> Records:
    return replace(
        records,
        samples=records.samples.rows(rows),
        labels=None if records.labels is None else records.labels[rows],
        groups=None if records.groups is None else records.groups[rows],
    )


def _dataset(
    found: Found, taken: Mapping[str, Records], kind: str, reading: Reading, known: tuple[str, ...] | None
) -> Dataset:
    first = next(iter(taken.values()))
    target = find_target(first, kind, found.ref, reading.targets, known or ())
    unknown = "unseen in training" if known is None else "that the model does not know"
    splits = {
        name: Split(records.samples, values(records, target, _called(found, name), unknown))
        for name, records in taken.items()
    }
    empty = next(iter(splits.values())).rows(slice(0))
    if known is None:
        _check({"valid": empty} | splits, target, found.ref)
    if kind == "number" and len(splits.get("train", empty)):
        target = scaled(target, splits["train"].y)
    train, valid, test = (splits.get(name, empty) for name in SPLITS)
    return Dataset(found.ref, found.kind, target, train, valid, test, found.broken, found.remarks)


def _check(splits: Mapping[str, Split], target: Target, ref: str) -> None:
    """Refuse data that no model can be trained on."""
    if target.kind == "class" and target.width < 2:
        raise ZooError(f"{ref} has {target.width} class(es) in its training split; a classifier wants at least two")
    for name in (name for name in SPLITS if name in splits):
        split = splits[name]
        if target.kind == "class" and name != "test" and len(np.unique(split.y)) < 2:
            empty = "" if len(split) else ": it is empty"
            raise ZooError(f"{ref}: the {name} split has samples of fewer than two classes{empty}", SMALL)
        if not len(split):
            raise ZooError(f"{ref}: the {name} split is empty", SMALL)
