"""Tables as text: values between commas, semicolons, tabs or bars (RFC 4180 with any of these)."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from registry.errors import ZooError
from transfer.data.tables.places import marked
from transfer.data.tables.ragged import ragged_rows
from transfer.data.tables.text_lines import count_lines, open_text
from transfer.files.shown import first_line

DELIMITERS = ",;\t|"
HEADER = 2**20  # bytes at most
LONGEST = 16 * 2**20  # bytes of a row at most
DECIMAL_COMMA = r"^\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*$"


def read_delimited(path: Path, texts: Collection[str] = (), *, skip: bool = False) -> pa.Table:
    """Read a table from text, plain or gzip'd; columns in `texts` stay text, the other types are found.

    Args:
        path: the file.
        texts: columns.
        skip: leave out rows that have another number of values than the header (`ragged_rows` lists them).

    Raises:
        ZooError: it is not UTF-8, a row has another number of values than the header, or a row is too long.
    """
    lines = count_lines(path)
    delimiter, names = header(path)
    table = _parsed(path, delimiter, {name: pa.string() for name in names if name.strip() in texts}, skip=skip)
    table = table.rename_columns([name.strip() for name in table.column_names])
    return marked(_with_nulls(_with_decimals(table, texts) if delimiter == ";" else table), lines)


def header(path: Path) -> tuple[str, list[str]]:
    """Return the delimiter, the one that makes the most names of the first line, and the names.

    Raises:
        ZooError: there is none, or it is too long.
    """
    with open_text(path) as file:
        line = next((line for line in iter(lambda: file.readline(HEADER), b"") if line.strip()), b"")
    line = line.rstrip(b"\r\n").split(b"\r")[0]
    if len(line) == HEADER:
        raise ZooError(f"{path}: its first line is longer than {HEADER} bytes, and no header", "is it a table?")
    text = line.decode("utf-8-sig", errors="replace")
    try:
        found = {sign: next(csv.reader([text], delimiter=sign), []) for sign in DELIMITERS}
    except csv.Error as error:
        raise ZooError(f"{path}: its first line is no header: {error}", "is it a table?") from error
    if not any(found.values()):
        raise ZooError(f"{path} is empty: it holds blank lines only", "the first line must hold the columns' names")
    delimiter = max(DELIMITERS, key=lambda sign: len(found[sign]))
    return delimiter, found[delimiter]


def _parsed(path: Path, delimiter: str, types: dict[str, pa.DataType], *, skip: bool) -> pa.Table:
    try:
        with open_text(path) as file:
            return pa.csv.read_csv(
                file,
                read_options=pa.csv.ReadOptions(block_size=LONGEST),
                parse_options=pa.csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=_skipped if skip else None
                ),
                convert_options=pa.csv.ConvertOptions(column_types=types),
            )
    except pa.ArrowException as error:
        for row in ragged_rows(path, delimiter):
            advice = 'quote values that hold the delimiter: "a, b"; or leave such rows out: --skip-broken'
            raise ZooError(f"{row.where}: {row.why}", advice) from error
        raise ZooError(f"{path} is no readable table: {first_line(error)}", "is a quote left open?") from error


def _skipped(row: pa.csv.InvalidRow) -> str:
    return "skip"


def _with_decimals(table: pa.Table, texts: Collection[str]) -> pa.Table:
    """Read `1,5` as a number: where semicolons stand between values, commas are decimal."""
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if not pa.types.is_string(column.type) or name in texts:
            continue
        filled = pc.if_else(pc.equal(column, ""), None, column)
        if filled.null_count < len(filled) and pc.all(pc.match_substring_regex(filled, DECIMAL_COMMA)).as_py():
            numbers = pc.cast(pc.utf8_trim_whitespace(pc.replace_substring(filled, ",", ".")), pa.float64())
            table = table.set_column(index, name, numbers)
    return table


def _with_nulls(table: pa.Table) -> pa.Table:
    """Make empty texts null."""
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if pa.types.is_string(column.type):
            table = table.set_column(index, name, pc.if_else(pc.equal(column, ""), None, column))
    return table
