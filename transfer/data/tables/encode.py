"""Rows of a table as the numbers that a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from registry.columns import MISSING, Column, width_of
from registry.errors import ZooError, near
from transfer.data.tables.cells import Where, days, numbers, texts
from transfer.data.tables.places import place

Floats = NDArray[np.float32]


def encode(table: pa.Table, columns: Sequence[Column], where: Callable[[int], str] | None = None) -> Floats:
    """Encode rows, `(n, width) float32`; the table's other columns are not looked at.

    Args:
        table: raw rows.
        columns: as they were fitted to training rows.
        where: what a row is called in an error.

    Raises:
        ZooError: a column is missing, or a value is not of its kind; the row and the value are named.
    """
    check_held(table, columns, "the table")
    say = where or (lambda row: place(table, row))
    encoded = np.zeros((table.num_rows, width_of(columns)), np.float32)
    at = 0
    for column in columns:
        _fill(encoded[:, at : at + column.width], table, column, _in_column(say, column.name))
        at += column.width
    return encoded


def check_held(table: pa.Table, columns: Sequence[Column], source: str) -> None:
    """Refuse a table that lacks a column.

    Raises:
        ZooError: it does; the hint says which it has, or near names.
    """
    lacking = [column.name for column in columns if column.name not in table.column_names]
    if lacking:
        raise ZooError(
            f"{source} has no column {', '.join(map(repr, lacking[:12]))}, which the model takes",
            near(lacking[0], table.column_names),
        )


def unseen(table: pa.Table, columns: Sequence[Column], where: Where | None = None) -> tuple[str, ...]:
    """Say what the encoding does not pass on: values that no training row had, and missing ones likewise.

    Raises:
        ZooError: a value is not of its column's kind; `where` names its row.
    """
    say = where or (lambda row: place(table, row))
    said = []
    for column in columns:
        cells, called = table.column(column.name), _in_column(say, column.name)
        if column.kind == "category":
            values = texts(cells, called)
            unknown = values.filter(pc.invert(pc.is_in(values, pa.array(column.values, pa.string()))))
            said += _said_of_unknown(column, unknown, table.num_rows)
        elif not column.missing:
            lacking = int(np.isnan(_values(cells, column, called)).sum())
            if lacking:
                said.append(
                    f"column {column.name!r}: {lacking} of {table.num_rows} rows have no value, and no training row"
                    f" lacked one; the mean is taken, {column.mean:g}"
                )
    return tuple(said)


def _said_of_unknown(column: Column, unknown: pa.ChunkedArray, rows: int) -> list[str]:
    if not len(unknown):
        return []
    values = pc.unique(unknown).to_pylist()
    shown = ", ".join("no value" if value == MISSING else repr(value) for value in values[:5])
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return [f"column {column.name!r}: {len(unknown)} of {rows} rows hold what no training row did: {shown}{more}"]


def _in_column(where: Where, name: str) -> Where:
    return lambda row: f"{where(row)}, column {name!r}"


def _fill(place_of: Floats, table: pa.Table, column: Column, where: Where) -> None:
    """Write a column's places, which are zeros."""
    cells = table.column(column.name)
    if column.kind == "category":
        known = pc.index_in(texts(cells, where), pa.array(column.values, pa.string()))
        places = pc.fill_null(known, -1).to_numpy() + 1
        place_of[np.arange(len(places)), places] = 1
        return
    values = _values(cells, column, where)
    missing = np.isnan(values)
    # In this order and in float32 throughout, as in `layers.py`.
    mean, scale = np.float32(column.mean), np.float32(column.scale)
    with np.errstate(over="ignore"):
        place_of[:, 0] = (np.where(missing, mean, values) - mean) * scale
    _check_near(place_of[:, 0], values, column, where)
    if column.missing:
        place_of[:, 1] = missing


def _check_near(scaled: Floats, values: Floats, column: Column, where: Where) -> None:
    """Refuse a value that is so far from those of training that float32 does not hold it."""
    wrong = np.flatnonzero(np.isinf(scaled))
    if len(wrong):
        raise ZooError(
            f"{where(int(wrong[0]))}: {values[wrong[0]]:g} is too large where training rows vary by"
            f" {column.deviation:g} around {column.mean:g}",
            "put it right, or leave the value empty",
        )


def _values(cells: pa.ChunkedArray, column: Column, where: Where) -> Floats:
    return days(cells, where) if column.kind == "date" else numbers(cells, where)
