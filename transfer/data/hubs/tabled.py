"""Columns of a hub's data set as a table, which is read as one in a file is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.data.tables.reader import read_tables

Columns = Mapping[str, Any]


def tabled(parts: Mapping[str, tuple[Path, Columns | pa.Table]], ref: str, label: str, reading: Reading) -> Found:
    """Return what the tables' reader makes of columns.

    Args:
        parts: by split: what errors call it, and its columns by name, or the table.
        ref: what the data are called in results.
        label: the column that holds the labels where the user names none.
        reading: what the user asks for.

    Raises:
        ZooError: as `transfer.data.tables.reader.read`.
    """
    tables = ((part, where, _table(columns)) for part, (where, columns) in parts.items())
    return read_tables(tables, ref, reading if reading.targets else replace(reading, target=label))


def _table(columns: Columns | pa.Table) -> pa.Table:
    return columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
