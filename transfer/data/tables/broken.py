"""Rows of a table that cannot be learned from, each with the reason."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transfer.data.tables.cells import filled, plain, without_nulls
from transfer.data.tables.columns import repeats
from transfer.data.tables.roles import Roles
from transfer.files.shown import shown

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
MOSTLY = 0.9  # of a column's texts are numbers, where the others are taken for slips
Mask = NDArray[np.bool_]


def broken_rows(table: pa.Table, roles: Roles) -> tuple[pa.Table, dict[int, str]]:
    """Find the rows without a label or group, with an infinite number, or with a text in a column of numbers.

    Returns:
        The table, where such columns hold numbers; and of each broken row why it is.
    """
    why: dict[int, str] = {}
    for name in roles.features:
        column = plain(table.column(name))
        if pa.types.is_string(column.type) and (slips := _slips(column)) is not None:
            why |= {row: f"column {name!r} holds {shown(column[row].as_py())!r}; expected a number" for row in slips}
            table = _as_numbers(table, name, slips)
    for name in (*roles.features, *roles.targets):
        why |= dict.fromkeys(_infinite(table.column(name)), f"column {name!r} holds an infinite number")
    for name in roles.targets:
        why |= dict.fromkeys(_missing(table.column(name)), f"no label in column {name!r}")
    if roles.group is not None:
        why |= dict.fromkeys(_missing(table.column(roles.group)), f"no group in column {roles.group!r}")
    return table, why


def _slips(column: pa.ChunkedArray) -> list[int] | None:
    """Return the rows that are no numbers, of a column of texts that holds little else; None of any other."""
    column = without_nulls(column)
    known = len(column) - column.null_count
    if repeats(pc.count_distinct(column).as_py(), known):
        return None
    wrong = pc.fill_null(pc.invert(pc.match_substring_regex(column, NUMBER)), False).to_numpy()
    return _rows(wrong) if wrong.sum() <= (1 - MOSTLY) * known else None


def _as_numbers(table: pa.Table, name: str, slips: list[int]) -> pa.Table:
    wrong = np.zeros(table.num_rows, bool)
    wrong[slips] = True
    column = pc.if_else(pa.array(wrong), None, without_nulls(plain(table.column(name))))
    return table.set_column(table.column_names.index(name), name, pc.cast(column, pa.float64()))


def _infinite(column: pa.ChunkedArray) -> list[int]:
    return _rows(pc.fill_null(pc.is_inf(column), False).to_numpy()) if pa.types.is_floating(column.type) else []


def _missing(column: pa.ChunkedArray) -> list[int]:
    column = plain(column)
    column = filled(column) if pa.types.is_string(column.type) else column
    return _rows(pc.is_null(column, nan_is_null=True).to_numpy())


def _rows(mask: Mask) -> list[int]:
    found: list[int] = np.flatnonzero(mask).tolist()
    return found
