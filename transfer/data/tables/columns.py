"""Columns that are fitted to training rows: their kinds, and the statistics that their encoding takes."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from registry.columns import MISSING, SMALLEST, Column, Kind
from registry.errors import ZooError
from transfer.data.records import Rows
from transfer.data.tables.cells import Where, days, is_iso, numbers, plain, texts
from transfer.data.tables.places import place

FEW = 10  # texts that are a category in any table
MOST_VALUES = 1_000  # of a category, each of which is a place in the model's input


class Fitted(NamedTuple):
    """Columns, and what a person should know of them."""

    columns: tuple[Column, ...]
    remarks: tuple[str, ...]


def fit_columns(table: pa.Table, names: Sequence[str], rows: Rows, source: str = "the table") -> Fitted:
    """Fit columns to training rows; no other row counts.

    Args:
        table: as it was read.
        names: the columns that a model is to take, in order.
        rows: the training rows.
        source: what the table is called in an error.

    Raises:
        ZooError: a column holds an infinite number, texts that are nearly all different, or neither numbers, texts nor
            dates.
    """
    if not len(rows) or not names:
        raise ZooError(f"{source} has {len(rows)} training rows of {len(names)} columns that a model could learn from")
    trained = {name: plain(table.column(name).take(pa.array(rows))) for name in names}
    kinds = {name: _kind(column) for name, column in trained.items()}
    _check_learnable(trained, kinds, source)
    columns, remarks = [], []
    for name, column in trained.items():
        column, said = _fit(name, column, kinds[name], _where(table, rows, name, source))
        columns.append(column)
        remarks.extend(said)
    return Fitted(tuple(columns), tuple(remarks))


def _where(table: pa.Table, rows: Rows, name: str, source: str) -> Where:
    return lambda row: f"{source}, {place(table, int(rows[row]))}, column {name!r}"


def _kind(column: pa.ChunkedArray) -> Kind | None:
    """Tell a column's kind by its type, and texts by what they say; None where it is neither."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    if pa.types.is_string(kind):
        return "date" if is_iso(column) else "category"
    if pa.types.is_boolean(kind):
        return "category"
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "number" if number or pa.types.is_null(kind) else None


def _check_learnable(trained: dict[str, pa.ChunkedArray], kinds: dict[str, Kind | None], source: str) -> None:
    """Refuse columns of which nothing can be learned, all at once."""
    wrong: dict[str, str] = {}
    for name, column in trained.items():
        if kinds[name] is None:
            wrong[name] = f"{name!r} holds {column.type}"
        elif kinds[name] == "category":
            distinct, filled = pc.count_distinct(column).as_py(), len(column) - column.null_count
            if not repeats(distinct, filled):
                wrong[name] = f"{name!r} holds {distinct} different texts in {filled} training rows"
    if wrong:
        said = list(wrong.values())
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        names = ",".join(wrong)
        raise ZooError(
            f"{source}: column {', '.join(said[:5])}{more}: a model cannot learn from that; expected numbers, dates, or"
            f" texts that repeat (at most {MOST_VALUES})",
            f"leave out names, ids and free text: --ignore-columns {quote(names)}; and write numbers as numbers",
        )


def repeats(distinct: int, filled: int) -> bool:
    """Tell whether so many different texts in so many rows are a category's, and no names or free text.

    >>> repeats(10, 10), repeats(11, 20), repeats(11, 22), repeats(1001, 100_000)
    (True, False, True, False)
    """
    return distinct <= min(max(FEW, filled / 2), MOST_VALUES)


def _fit(name: str, column: pa.ChunkedArray, kind: Kind | None, where: Where) -> tuple[Column, list[str]]:
    if kind == "category":
        return _fit_category(name, texts(column, where))
    if kind == "date":
        return _fit_number(name, "date", days(column, where))
    return _fit_number(name, "number", numbers(column, where))


def _fit_category(name: str, column: pa.ChunkedArray) -> tuple[Column, list[str]]:
    values = tuple(sorted(pc.unique(column).to_pylist()))
    said = [f"column {name!r} has the same value in every training row: {values[0]!r}"] if len(values) == 1 else []
    return Column(name, "category", values=values, missing=MISSING in values), said


def _fit_number(name: str, kind: Kind, values: NDArray[np.float32]) -> tuple[Column, list[str]]:
    """Fit a number to what float32 holds of it; mean and deviation are such numbers too, so that JSON keeps them."""
    known = values[~np.isnan(values)].astype(np.float64)
    missing = len(known) < len(values)
    if not len(known):
        return Column(name, kind, missing=True), [f"column {name!r} has no value in any training row"]
    mean, spread = float(np.float32(known.mean())), float(np.float32(known.std()))
    mean, spread = mean if abs(mean) >= SMALLEST else 0.0, spread if spread >= SMALLEST else 1.0
    column = Column(name, kind, mean, spread, missing=missing)
    return column, _said_of(column, known)


def _said_of(column: Column, known: NDArray[np.float64]) -> list[str]:
    if not np.ptp(known):
        return [f"column {column.name!r} has the same value in every training row: {known[0]:g}"]
    if column.deviation < 64 * float(np.spacing(np.float32(abs(column.mean)))):
        return [
            f"column {column.name!r} varies by {column.deviation:g} around {column.mean:g}, which float32 holds"
            " coarsely: subtract a fixed number from it"
        ]
    return []
