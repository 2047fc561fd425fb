"""Labels, groups and splits of images in a table, from its other columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from registry.errors import ZooError, near
from transfer.data.dataset import Array
from transfer.data.records import Rows
from transfer.data.tables.places import place

SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
SPLIT_COLUMN = "split"


def check_columns(table: pa.Table, wanted: Sequence[str], where: str) -> None:
    """Refuse names of columns that a table has not.

    Raises:
        ZooError: naming the first, and near ones.
    """
    for name in wanted:
        if name not in table.column_names:
            raise ZooError(f"{where} has no column {name!r}", near(name, table.column_names))


def labels_of(table: pa.Table, targets: Sequence[str], where: str) -> Array | None:
    """Return labels: `(n,)` of one column, `(n, k)` of several, None of none; of a row without, anything.

    Raises:
        ZooError: a column holds neither texts nor numbers, or one of several holds texts.
    """
    columns = [_values(table[name], f"{where}: column {name!r}") for name in targets]
    if len(columns) < 2:
        return columns[0] if columns else None
    for name, column in zip(targets, columns, strict=True):
        if column.dtype.kind == "U":
            raise ZooError(f"{where}: column {name!r} holds texts; several labels a sample are numbers, or 0 and 1")
    return np.stack(columns, axis=1)


def _values(column: pa.ChunkedArray, where: str) -> Array:
    type = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(type)
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return np.array(pc.fill_null(column, "").to_pylist(), np.str_)
    if pa.types.is_boolean(type) or pa.types.is_integer(type):
        return np.asarray(pc.fill_null(_signed(column, where), 0).to_numpy(), np.int64)
    if pa.types.is_floating(type):
        return np.asarray(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(), np.float64)
    raise ZooError(f"{where} is of type {type}; expected texts or numbers, as labels")


def _signed(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise ZooError(f"{where} holds whole numbers beyond 64 bits: {error}") from error


def class_names(path: Path, target: str) -> tuple[str, ...]:
    """Return the names of an integer label's values, where Hugging Face's `datasets` wrote them; else none.

    They are in a Parquet schema's metadata: JSON, `{"info": {"features": {column: {"_type": "ClassLabel", "names":
    ...}}}}`.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        label = features[target]
        names = label["names"] if label["_type"] == "ClassLabel" else []
    except (KeyError, TypeError, ValueError, pa.ArrowException):  # the last where it is no Parquet
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def lacking(table: pa.Table, columns: Sequence[str]) -> dict[int, str]:
    """Say which rows have nothing in one of the columns, and in which."""
    why: dict[int, str] = {}
    for name in columns:
        empty = pc.is_null(table[name], nan_is_null=True).to_numpy()
        why |= {int(row): f"has nothing in column {name!r}" for row in np.flatnonzero(empty)}
    return why


def texts(table: pa.Table, name: str) -> NDArray[np.str_]:
    """Return a column's values as text, `(n,)`."""
    values: list[Any] = table[name].to_pylist()
    return np.array([str(value) for value in values], np.str_)


def split_rows(table: pa.Table, rows: Rows, where: str) -> dict[str, Rows]:
    """Divide rows by the column `split`: train, valid (val, validation) or test.

    Raises:
        ZooError: a row has another value there.
    """
    said = texts(table, SPLIT_COLUMN)
    for row in rows:
        if said[row].lower() not in SPLITS:
            raise ZooError(
                f"{where}, {place(table, int(row))}: split is {str(said[row])!r}; expected train, valid or test",
                "rename the column if it says something else",
            )
    parts = np.array([SPLITS[value.lower()] for value in said[rows]], np.str_)
    return {name: rows[parts == name] for name in ("train", "valid", "test") if (parts == name).any()}
