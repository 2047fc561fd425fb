"""Where a row of a table lies, as a person counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

TEXT, LINES = {"zoo": "rows of text"}, {"zoo": "lines of text"}  # a table's metadata: how it was read


def marked(table: pa.Table, lines: int) -> pa.Table:
    """Return a table that was read from text of so many lines, with a note of whether each row is one of them."""
    return table.replace_schema_metadata(LINES if lines == table.num_rows + 1 else TEXT)


def from_text(table: pa.Table) -> bool:
    """Tell whether a table was read from text, so that its columns' types were found by their looks."""
    return bool((table.schema.metadata or {}).get(b"zoo"))


def rows_are_lines(table: pa.Table) -> bool:
    """Tell whether a table was read from text with a line for each row: no blank ones, no line breaks in values."""
    return bool((table.schema.metadata or {}).get(b"zoo") == LINES["zoo"].encode())


def place(table: pa.Table, row: int) -> str:
    """Say where a row lies: `line 18`, the header being line 1; or `row 17` where rows are no lines.

    >>> import pyarrow as pa
    >>> place(pa.table({"a": [1, 2]}), 1)
    'row 2'
    >>> place(marked(pa.table({"a": [1, 2]}), lines=3), 1)
    'line 3'
    """
    return f"line {row + 2}" if rows_are_lines(table) else f"row {row + 1}"
