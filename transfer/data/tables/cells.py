"""A table's cells as numbers, days or texts, whatever type the file gave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from registry.columns import LARGEST, SMALLEST
from registry.errors import ZooError
from transfer.files.shown import shown

Where = Callable[[int], str]  # what a row is called in an error: `table.csv, line 3, column 'age'`
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # in a second
DAY = 86_400  # seconds
# ISO 8601 in the profile of RFC 3339, time and offset as one likes: 2024-02-29, 2024-02-29T12:30:00.5+01:00
ISO_DATE = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$"
OFFSET = r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$"
DATE = "a date such as 2024-02-29"
NULLS = tuple(pa.csv.ConvertOptions().null_values)  # texts that stand for a missing number


def numbers(column: pa.ChunkedArray, where: Where) -> NDArray[np.float32]:
    """Return a column's values `(n,) float32`, NaN where there is none.

    Raises:
        ZooError: a value is no number, or infinite; it is named.
    """
    column = plain(column)
    column = without_nulls(column) if pa.types.is_string(column.type) else column
    return _narrowed(_floats(_cast_or_refuse(column, pa.float64(), where, "a number")), where)


def days(column: pa.ChunkedArray, where: Where) -> NDArray[np.float32]:
    """Return the days since 1970-01-01 `(n,) float32`, with fractions; NaN where there is none.

    A time without an offset is taken as UTC.

    Raises:
        ZooError: a value is no date; it is named.
    """
    column = plain(column)
    if pa.types.is_string(column.type):
        return _narrowed(_text_days(column, where), where)
    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type) or pa.types.is_null(column.type)):
        _refuse_first(column, where, DATE, np.flatnonzero(pc.is_valid(column).to_numpy()))
    return _narrowed(days_of(column), where)


def texts(column: pa.ChunkedArray, where: Where) -> pa.ChunkedArray:
    """Return a column's values as text, empty where there is none; truth values are `true` and `false`.

    Raises:
        ZooError: the column holds lists, bytes or the like.
    """
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    values = pc.fill_null(_cast_or_refuse(plain(column), pa.string(), where, "a text"), "")
    # NumPy, in which Keras keeps them, holds no null bytes at their ends.
    return pc.utf8_rtrim(values, "\0")


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without its dictionary, and its texts of one type."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    large = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    return pc.cast(column, pa.string()) if large else column


def is_iso(column: pa.ChunkedArray) -> bool:
    """Tell whether a column of texts holds dates only, at least one."""
    known = pc.all(pc.match_substring_regex(filled(column), ISO_DATE)).as_py()
    return bool(known) and column.null_count < len(column)


def filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of texts, null where they are empty."""
    return pc.if_else(pc.equal(column, ""), None, column)


def without_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of texts without blanks around them, null where they stand for a missing number."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, pa.array(NULLS)), None, trimmed)


def _refuse_first(column: pa.ChunkedArray, where: Where, expected: str, rows: NDArray[Any]) -> None:
    """Refuse the first of these rows.

    Raises:
        ZooError: there is one.
    """
    if len(rows):
        row = int(rows[0])
        more = f" ({len(rows)} rows are so)" if len(rows) > 1 else ""
        raise ZooError(
            f"{where(row)}: {_shown(column, row)!r} is not {expected}{more}",
            "put it right, or leave the value empty",
        )


def _shown(column: pa.ChunkedArray, row: int) -> str:
    try:
        return shown(column[row].as_py())
    except (ValueError, OverflowError):  # Arrow holds dates that Python cannot
        return f"a {column.type}"


def _text_days(column: pa.ChunkedArray, where: Where) -> NDArray[np.float64]:
    column = filled(column)
    wrong = pc.invert(pc.match_substring_regex(column, ISO_DATE))
    _refuse_first(column, where, DATE, np.flatnonzero(pc.fill_null(wrong, False).to_numpy()))
    zoned = pc.match_substring_regex(column, OFFSET)
    here = _cast_or_refuse(pc.if_else(zoned, None, column), pa.timestamp("us"), where, DATE)
    there = _cast_or_refuse(pc.if_else(zoned, column, None), pa.timestamp("us", "UTC"), where, DATE)
    ours, theirs = days_of(here), days_of(there)
    return np.where(np.isnan(ours), theirs, ours)


def days_of(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the days since 1970-01-01 `(n,) float64` of a column of dates or nothing; NaN where there is none."""
    if pa.types.is_timestamp(column.type):
        return _floats(pc.cast(column, pa.int64())) / (UNITS[column.type.unit] * DAY)
    return _floats(column if pa.types.is_null(column.type) else pc.cast(pc.cast(column, pa.date32()), pa.int32()))


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy()
    return values


def _cast_or_refuse(column: pa.ChunkedArray, kind: pa.DataType, where: Where, expected: str) -> pa.ChunkedArray:
    try:
        # Whole numbers of more than 53 bits are rounded: float32 has 24.
        return pc.cast(column, kind, safe=not pa.types.is_integer(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        _refuse_first(column, where, expected, np.array([_first_wrong(column, kind)]))
        raise


def _first_wrong(column: pa.ChunkedArray, kind: pa.DataType) -> int:
    """Find the first row that cannot be cast, by halves."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            pc.cast(column.slice(low, middle - low), kind)
            low = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
    return low


def _narrowed(values: NDArray[np.float64], where: Where) -> NDArray[np.float32]:
    """Return values as float32, the smallest as zero.

    Raises:
        ZooError: one is infinite, or beyond what can be computed with.
    """
    size = np.abs(values)
    wrong = np.flatnonzero(size > LARGEST)
    if len(wrong):
        more = f" ({len(wrong)} rows are so)" if len(wrong) > 1 else ""
        raise ZooError(
            f"{where(int(wrong[0]))}: {values[wrong[0]]} is infinite, or too large: at most {LARGEST:g}{more}",
            "remove these rows, or empty the values",
        )
    # A file's NaN may be a signalling one, of which a cast warns.
    return np.where(np.isnan(values), np.nan, np.where(size < SMALLEST, 0, values)).astype(np.float32)
