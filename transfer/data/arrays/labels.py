"""Labels as arrays hold them: whole numbers, text, a column, one-hot, several a sample, or numbers to predict. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array

SAY = "say what they are: --target-type class, multilabel or number"


def labelled(labels: Mapping[str, Array], where: Mapping[str, str], target_type: str | None) -> dict[str, Array]:
    """Bring labels into the form of `Records.labels`, all splits into the same.

    Args:
        labels: by split: `(n,)`; `(n, 1)`; `(n, k)` of 0 and 1, which are classes where each row holds exactly one 1 in
            every split, and several labels a sample otherwise; `(n, k)` numbers.
        where: what an error calls each.
        target_type: what the user says they are; None where the labels decide.

    Raises:
        ZooError: they are in none of these forms, or not in the same in all splits.

    >>> labelled({"all": np.array([[0, 1], [1, 0]])}, {"all": "y"}, None)["all"].tolist()
    [1, 0]
    >>> labelled({"all": np.array([[1, 1], [1, 0]])}, {"all": "y"}, None)["all"].tolist()
    [[1, 1], [1, 0]]
    """
    flat = {part: _flat(y, where[part]) for part, y in labels.items()}
    widths = {part: y.shape[1:] for part, y in flat.items()}
    first = next(iter(widths), "")
    for part, width in widths.items():
        if width != widths[first]:
            shape, other = labels[part].shape, labels[first].shape
            raise ZooError(f"{where[part]} has labels of shape {shape}; expected as in {where[first]}: {other}")
    if widths and widths[first]:
        return _several(flat, where, target_type)
    return {part: _whole(y, where[part]) if target_type == "class" else y for part, y in flat.items()}


def _flat(y: Array, where: str) -> Array:
    if y.dtype.kind == "S":
        y = _text(y, where)
    if y.dtype.kind not in "uibfU":
        raise ZooError(f"{where} labels are of dtype {y.dtype}; expected integers or text, one a sample, or numbers")
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim > 2 or (y.ndim == 2 and (y.dtype.kind == "U" or not y.shape[1])):
        raise ZooError(f"{where} labels have the shape {y.shape}; expected one a sample, or a row of 0 and 1 a sample")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y.reshape(len(y), -1)).all(axis=1))[0])
        raise ZooError(f"{where} labels hold NaN or infinite values, the first in row {row}", "remove these rows")
    return y.astype(np.uint8) if y.dtype.kind == "b" else y


def _text(y: Array, where: str) -> Array:
    try:
        return np.char.decode(y, "utf-8")
    except UnicodeDecodeError as error:
        raise ZooError(f"{where} labels are no text in UTF-8: {error.reason}") from error


def _several(labels: dict[str, Array], where: Mapping[str, str], target_type: str | None) -> dict[str, Array]:
    if target_type == "number":
        return labels
    for part, y in labels.items():
        if other := np.flatnonzero(~np.isin(y, (0, 1)).all(axis=1)).tolist():
            raise ZooError(
                f"{where[part]} labels have the shape {y.shape} and other values than 0 and 1, the first in row "
                f"{other[0]}; expected one label a sample, or 0 and 1",
                "several numbers a sample: --target-type number",
            )
    one_hot = all((y.sum(axis=1) == 1).all() for y in labels.values())
    if target_type == "class" and not one_hot:
        part, row = next((part, rows[0]) for part, y in labels.items() if len(rows := np.flatnonzero(y.sum(1) != 1)))
        raise ZooError(f"{where[part]} labels are no classes: row {row} has not exactly one 1", SAY)
    if one_hot and target_type != "multilabel":
        return {part: y.argmax(axis=1) for part, y in labels.items()}
    return {part: y.astype(np.uint8) for part, y in labels.items()}


def _whole(y: Array, where: str) -> Array:
    """Take numbers such as 3.0 for the classes that the user says they are."""
    if y.dtype.kind != "f":
        return y
    if len(odd := np.flatnonzero(y != np.floor(y))):
        raise ZooError(f"{where} labels are no classes: row {odd[0]} holds {y[odd[0]]}", "--target-type number")
    return y.astype(np.int64)
