"""A table's columns of labels, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.tables.cells import Where, numbers, plain, texts

Labels = NDArray[Any]
LONGEST = 256  # characters of a label


def labels_of(table: pa.Table, names: Sequence[str], kind: str | None, where: Where) -> Labels:
    """Return the labels of rows that all have them.

    Args:
        table: the rows.
        names: the columns; one makes labels `(n,)`, several `(n, k)`.
        kind: a `Reading.target_type`; None finds it.
        where: what a row is called in an error.

    Raises:
        ZooError: a label is no number where there have to be numbers, or no 0 or 1 where several are true or not.
    """
    if len(names) == 1:
        return _single(table.column(names[0]), kind, lambda row: f"{where(row)}, column {names[0]!r}")
    columns = [_number(table.column(name), where, name) for name in names]
    labels = np.stack(columns, axis=1)
    binary = np.isin(labels, (0, 1))
    if kind == "number" or (kind is None and not binary.all()):
        return labels
    if not binary.all():
        row, column = np.argwhere(~binary)[0]
        raise ZooError(
            f"{where(int(row))}, column {names[column]!r}: {labels[row, column]:g} is no label of several;"
            " expected 0 or 1",
            "several columns of numbers: --target-type number",
        )
    return labels.astype(np.int64)


def _single(column: pa.ChunkedArray, kind: str | None, where: Where) -> Labels:
    column = plain(column)
    if kind == "number":
        return numbers(column, where)
    if pa.types.is_integer(column.type):
        return _whole(column, where)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        values: Labels = pc.cast(column, pa.float64()).to_numpy()
        return _classes(values) if kind == "class" else numbers(column, where)
    return words(column, where)


def words(column: pa.ChunkedArray, where: Where) -> NDArray[np.str_]:
    """Return a column as an array of texts, each as wide as the longest.

    Raises:
        ZooError: one is too long for a label or a group.
    """
    values = texts(column, where)
    lengths = pc.utf8_length(values).to_numpy()
    longest = int(lengths.argmax()) if len(lengths) else 0
    if len(lengths) and lengths[longest] > LONGEST:
        raise ZooError(
            f"{where(longest)}: a text of {lengths[longest]} characters is no label; at most {LONGEST}",
            "is it the right column?",
        )
    return np.array(values.to_pylist(), dtype=np.str_)


def _whole(column: pa.ChunkedArray, where: Where) -> Labels:
    try:
        values: Labels = pc.cast(column, pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        values = words(column, where)
    return values


def _classes(values: Labels) -> Labels:
    """Return whole numbers as such: pandas writes 1.0 where a column once had missing values."""
    if np.isfinite(values).all() and (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
        return values.astype(np.int64)
    return np.array([repr(float(value)) for value in values], dtype=np.str_)


def _number(column: pa.ChunkedArray, where: Where, name: str) -> NDArray[np.float32]:
    return numbers(column, lambda row: f"{where(row)}, column {name!r}")
