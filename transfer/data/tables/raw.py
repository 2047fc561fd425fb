"""Rows of a table as a published model takes them: one array a column, not yet encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from registry.columns import Column
from transfer.data.tables.cells import days, numbers, texts
from transfer.data.tables.encode import check_held
from transfer.data.tables.places import place
from transfer.scope import layer_name


def raw_columns(
    table: pa.Table, columns: Sequence[Column], where: Callable[[int], str] | None = None
) -> dict[str, NDArray[Any]]:
    """Return the arrays `(n, 1)` that the inputs of `transfer.data.tables.layers` take, by their names.

    Numbers are float32, NaN where missing; dates likewise, in days since 1970-01-01; texts are text, empty where
    missing. Keras takes texts as tensors only: `tf.constant(array)`.

    Raises:
        ZooError: a column is missing, or a value is not of its kind.
    """
    check_held(table, columns, "the table")
    say = where or (lambda row: place(table, row))
    return {layer_name(column.name): _raw(table.column(column.name), column, say).reshape(-1, 1) for column in columns}


def _raw(cells: pa.ChunkedArray, column: Column, say: Callable[[int], str]) -> NDArray[Any]:
    def where(row: int) -> str:
        return f"{say(row)}, column {column.name!r}"

    if column.kind == "category":
        return np.array(texts(cells, where).to_pylist(), dtype=object)
    return days(cells, where) if column.kind == "date" else numbers(cells, where)
