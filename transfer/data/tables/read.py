"""A table's file, of any of the formats that are read: CSV, TSV, Parquet, Arrow (Feather), and gzip'd text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from registry.errors import ZooError
from transfer.data.records import Broken
from transfer.data.tables.columnar import read_arrow, read_parquet
from transfer.data.tables.delimited import header, read_delimited
from transfer.data.tables.places import from_text, rows_are_lines
from transfer.data.tables.ragged import ragged_rows

FORMATS = "expected CSV, TSV, Parquet or Arrow (Feather), or gzip'd CSV"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
OTHERS = {  # what people take for a table, by its first bytes
    b"PK\x03\x04": ("a spreadsheet or zip archive", "save it as CSV, in UTF-8"),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet of an old format", "save it as CSV, in UTF-8"),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", "name it .h5 to have its arrays read"),
    b"\x93NUMPY": ("a NumPy array", "write an .npz with the keys x and y"),
    b"SQLite format 3": ("a database", "export the table as CSV"),
    b"FEA1": ("a Feather file of version 1", "write it anew: pyarrow.feather.write_feather"),
    b"ORC": ("an ORC file", "write it as Parquet"),
}


def read_table(path: Path, texts: Collection[str] = (), *, skip_ragged: bool = False) -> pa.Table:
    """Read a table; what the file is, its first bytes say and not its suffix.

    Cells without a value are null: empty ones, in columns of numbers also `NA`, `NaN` and their like. Arrow files and
    Parquet are mapped into memory, where their compression allows.

    Args:
        path: the file.
        texts: columns that are read as text, whatever they look like, where the file is text.
        skip_ragged: leave out a text's rows that have another number of values than the header (`ragged` lists them).

    Raises:
        ZooError: there is no such file, it is no table, or is broken (the message says where), has no rows, or columns
            without a name or with the same.
    """
    head = _head(path)
    if head.startswith(b"PAR1"):
        table = read_parquet(path)
    elif head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        table = read_arrow(path, stream=not head.startswith(b"ARROW1"))
    else:
        _check_text(head, path)
        table = read_delimited(path, texts, skip=skip_ragged)
    _check_names(table.column_names, path)
    if not table.num_rows:
        raise ZooError(f"{path} has a header and no rows", f"its columns: {', '.join(table.column_names[:20])}")
    return table


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of a table's columns; of a text, only its first line is read.

    Raises:
        ZooError: there is no such file, or it is no table.
    """
    if _head(path).startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        return tuple(read_table(path).column_names)
    return tuple(name.strip() for name in header(path)[1])


def ragged(path: Path, table: pa.Table) -> tuple[Broken, ...]:
    """List the rows that a table lacks since they have another number of values than the header."""
    if not from_text(table) or rows_are_lines(table):
        return ()
    return tuple(ragged_rows(path, header(path)[0]))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ZooError(f"there is no file {path}", "look for a slip in its name") from error
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror or error}") from error
    if not head:
        raise ZooError(f"{path} is empty", FORMATS)
    return head


def _check_text(head: bytes, path: Path) -> None:
    """Refuse what is neither text nor gzip'd."""
    for magic, (kind, advice) in OTHERS.items():
        if head.startswith(magic):
            raise ZooError(f"{path} is {kind}; {FORMATS}", advice)
    if head.startswith(UTF16):
        raise ZooError(f"{path} is text in UTF-16; expected UTF-8", f"iconv -f UTF-16 -t UTF-8 {path} > utf8.csv")
    if b"\0" in head and not head.startswith(b"\x1f\x8b"):
        raise ZooError(f"{path} is no table: its first bytes are {head[:8]!r}; {FORMATS}", "is it the right file?")


def _check_names(names: list[str], path: Path) -> None:
    advice = "the first line must hold the columns' names, each once"
    for position, name in enumerate(names, 1):
        if not name.strip():
            index = ' (pandas writes its index so: use df.to_csv("file.csv", index=False))' if position == 1 else ""
            raise ZooError(f"{path}: column {position} of {len(names)} has no name", advice + index)
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise ZooError(f"{path}: {times} columns are called {name!r}", advice)
    if not names:
        raise ZooError(f"{path} has no columns", FORMATS)
