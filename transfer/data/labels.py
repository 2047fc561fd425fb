"""Labels as they were found: checked, and read as classes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.records import Records

Labels = NDArray[Any]
Where = Callable[[int], str]
MANY = 100  # distinct values above which whole numbers may be measurements and no classes


@dataclass(frozen=True)
class Coded:
    """Labels as classes: `codes` `(n,) int64` are positions in `names`, which all occur, in their own order.

    The order is the data's own: numbers by size, texts by code point, named labels and columns as they are listed.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]


def labels_of(records: Records, ref: str) -> Labels:
    """Return the labels, `(n,)` or `(n, k)` with k above 1, none of them missing.

    Raises:
        ZooError: there are none, they are of a dtype or shape that no target has, or one is missing or infinite.
    """
    labels = records.labels
    if labels is None:
        raise ZooError(f"{ref} carries no labels", "name the column that holds them: --target COLUMN")
    if labels.dtype.kind not in "biufU":
        raise ZooError(f"{ref}: labels are of dtype {labels.dtype}; expected integers or text, or numbers")
    if labels.ndim not in (1, 2) or len(labels) != len(records):
        raise ZooError(f"{ref} has {len(records)} samples and labels of shape {labels.shape}; expected one a sample")
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    _check_missing(labels, records.samples.where)
    return labels


def _check_missing(labels: Labels, where: Where) -> None:
    if labels.dtype.kind == "U":
        _refuse(labels == "", lambda row: f"{where(row)} has no label")
    elif labels.dtype.kind == "f":
        _refuse(np.isnan(labels), lambda row: f"{where(row)} has no label: it is NaN")
        _refuse(np.isinf(labels), lambda row: f"{where(row)} has an infinite label")


def _refuse(wrong: NDArray[np.bool_], message: Callable[[int], str]) -> None:
    """Raise what `message` says of the first wrong row, if there is one."""
    rows = np.flatnonzero(wrong.any(axis=1) if wrong.ndim == 2 else wrong)
    if len(rows):
        more = f", and {len(rows) - 1} more like it" if len(rows) > 1 else ""
        raise ZooError(f"{message(int(rows[0]))}{more}", "put the label right, or leave the sample out")


def kind_of(labels: Labels, wanted: str | None, ref: str) -> str:
    """Say what the labels are: `class`, `multilabel` or `number`.

    Texts, truth values and integers are classes; so are whole floats with at most 100 distinct values that come twice
    on average. Other floats are numbers. Columns of 0 and 1 are classes where each row has a single 1, else several
    labels a sample; other columns are numbers.

    Args:
        labels: `(n,)` or `(n, k)`.
        wanted: what the user says that they are; None to find it.
        ref: what the data are called in an error.

    Raises:
        ZooError: they cannot be what is wanted; or they are integers of which most are different.
    """
    possible = _possible(labels)
    if not possible:
        raise ZooError(f"{ref} has labels {_described(labels)}; several columns hold numbers, or 0 and 1")
    if wanted is not None and wanted not in possible:
        raise ZooError(
            f"{ref} has labels {_described(labels)}: --target-type {wanted} does not fit",
            f"they can be: {', '.join(possible)}",
        )
    if wanted is None and labels.dtype.kind in "iu" and possible[0] == "class":
        _check_few(labels, ref)
    return wanted or possible[0]


def _possible(labels: Labels) -> tuple[str, ...]:
    """List what labels can be, the likeliest first."""
    kind = labels.dtype.kind
    if labels.ndim == 2:
        if kind == "U" or not labels.shape[1]:
            return ()
        if not _truths(labels).all():
            return ("number",)
        return ("class", "multilabel", "number") if _single(labels).all() else ("multilabel", "number")
    if kind in "bU":
        return ("class",)
    if kind in "iu":
        return ("class", "number")
    if not _whole(labels).all():
        return ("number",)
    distinct = len(np.unique(labels))
    return ("class", "number") if distinct <= min(MANY, len(labels) // 2) else ("number", "class")


def _truths(labels: Labels) -> NDArray[np.bool_]:
    truths: NDArray[np.bool_] = (labels == 0) | (labels == 1)
    return truths


def _single(labels: Labels) -> NDArray[np.bool_]:
    """Say which rows of `(n, k)` hold a single 1 and nothing else."""
    single: NDArray[np.bool_] = _truths(labels).all(axis=1) & ((labels == 1).sum(axis=1) == 1)
    return single


def _whole(labels: Labels) -> NDArray[np.bool_]:
    return np.floor(labels) == labels if labels.dtype.kind == "f" else np.ones(len(labels), bool)


def _described(labels: Labels) -> str:
    """Say what labels look like, with one of them: the first that is no whole number, if there is one."""
    flat = labels.reshape(-1)
    odd = flat[~_whole(flat)][:1] if flat.dtype.kind == "f" else flat[:0]
    some = [str(value)[:40] for value in (odd if len(odd) else flat[:1]).tolist()]
    return f"of shape {labels.shape} and dtype {labels.dtype}{''.join(f', such as {one}' for one in some)}"


def _check_few(labels: Labels, ref: str) -> None:
    distinct = len(np.unique(labels))
    if distinct > MANY and distinct > len(labels) / 2:
        raise ZooError(
            f"{ref} has {distinct} different labels in {len(labels)} samples: too many to be classes",
            "say --target-type number if they are measurements, or --target-type class if they are classes",
        )


def coded(records: Records, labels: Labels) -> Coded:
    """Read labels as classes; `labels` are those of `records`, by `labels_of`.

    Raises:
        ZooError: a row has several labels or none, or a fraction, or a number that the data have no name for.
    """
    where, names = records.samples.where, records.names
    if labels.ndim == 2:
        labels = _columns(labels, where)
        names = names or tuple(map(str, range(records.labels.shape[1] if records.labels is not None else 0)))
    elif labels.dtype.kind not in "iu" or (records.labels is not None and records.labels.ndim == 2):
        names = ()  # a column's name, if any: not the labels'
    if labels.dtype.kind == "f":
        _refuse(~_whole(labels), lambda row: f"{where(row)} has the label {labels[row]}; expected a class")
    if names:
        _check_named(labels, names, where)
    values, codes = np.unique(labels, return_inverse=True)
    return Coded(codes.reshape(-1).astype(np.int64), tuple(_name(value, names) for value in values.tolist()))


def _columns(labels: Labels, where: Where) -> NDArray[np.int64]:
    wrong = np.flatnonzero(~_single(labels))
    if len(wrong):
        row = int(wrong[0])
        raise ZooError(
            f"{where(row)} has {np.count_nonzero(labels[row])} labels of {labels.shape[1]}; expected one",
            "say --target-type multilabel if a sample may have several",
        )
    places: NDArray[np.int64] = labels.argmax(axis=1).astype(np.int64)
    return places


def _check_named(labels: Labels, names: tuple[str, ...], where: Where) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ZooError(f"the data call two labels {twice[0]!r}, such as that of {where(0)}")
    last = len(names) - 1
    _refuse(
        (labels < 0) | (labels > last),
        lambda row: f"{where(row)} has the label {labels[row]}; the data name the labels 0 to {last}",
    )


def _name(value: object, names: tuple[str, ...]) -> str:
    if names and isinstance(value, int):
        return names[value]
    return str(int(value)) if isinstance(value, float) else str(value)
