"""Labelled rows of a table's files, in the parts that they come in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from registry.errors import ZooError
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Records, Rows
from transfer.data.tables.broken import broken_rows
from transfer.data.tables.labels import labels_of, words
from transfer.data.tables.parts import ALL, PARTS, SPLITS, claims, files
from transfer.data.tables.places import place
from transfer.data.tables.read import ragged, read_table
from transfer.data.tables.roles import Roles, check_ignored, roles
from transfer.data.tables.samples import TableSamples, all_rows

__all__ = ["claims", "read", "read_tables", "read_unlabelled"]


def read(path: Path, ref: str, reading: Reading) -> Found:
    """Read labelled rows.

    Args:
        path: a file, or a folder with `train.csv`, `valid.csv`, `test.csv` or the like.
        ref: what the data are called in results.
        reading: its target, target type, group column, columns to ignore and skip_broken.

    Raises:
        ZooError: a file is no table, a column or a label is missing, or a number is infinite.
    """
    tables = ((part, file, read_table(file, skip_ragged=reading.skip_broken)) for part, file in files(path).items())
    return read_tables(tables, ref, reading)


def read_tables(tables: Iterable[tuple[str, Path, pa.Table]], ref: str, reading: Reading) -> Found:
    """Read labelled rows of tables that are here already.

    Args:
        tables: of each, its split, what an error calls it, and its rows.
        ref: as in `read`.
        reading: as in `read`.

    Raises:
        ZooError: as `read`.
    """
    parts: dict[str, Records] = {}
    broken: list[Broken] = []
    known: Roles | None = None
    first = Path()
    for part, file, table in tables:
        broken += ragged(file, table) if reading.skip_broken else ()
        if known is None:
            known, first = roles(table, reading, str(file), split=part == ALL), file
        else:
            _check_same(known, table, file, first)
        records, left_out = _records(table, file, known, reading)
        broken += left_out
        parts |= {part: records} if known.split is None else _by_split(records, table.column(known.split))
    return Found(ref, "table", parts, tuple(broken))


def read_unlabelled(path: Path, ref: str, reading: Reading | None = None) -> Found:
    """Read rows to predict: all columns are features, of which a model takes those that it knows.

    Args:
        path: as in `read`.
        ref: as in `read`.
        reading: its columns to ignore, and whether rows that have another number of values than the header are left
            out and listed.

    Raises:
        ZooError: a file is no table, or has not the columns to ignore.
    """
    reading = reading or Reading()
    parts: dict[str, Records] = {}
    broken: list[Broken] = []
    for part, file in files(path).items():
        table = read_table(file, skip_ragged=reading.skip_broken)
        broken += ragged(file, table) if reading.skip_broken else ()
        check_ignored(table.column_names, reading, str(file))
        table = table.drop_columns(list(reading.ignored))
        parts[part] = Records(TableSamples(table, all_rows(table), file), None)
    return Found(ref, "table", parts, tuple(broken))


def _check_same(known: Roles, table: pa.Table, file: Path, first: Path) -> None:
    """Refuse another file of the same data that has other columns than the first."""
    wanted = {*known.targets, *known.features, *([known.group] if known.group else [])}
    held = set(table.column_names)
    lacking, more = sorted(wanted - held), sorted(held - wanted - set(known.ignored))
    if lacking or more:
        differing = [f"no column {', '.join(lacking)}"] * bool(lacking) + [f"also {', '.join(more)}"] * bool(more)
        raise ZooError(f"{file} has other columns than {first}: {'; '.join(differing)}", "make them the same")


def _records(table: pa.Table, file: Path, mine: Roles, reading: Reading) -> tuple[Records, list[Broken]]:
    table, why = broken_rows(table, mine)
    broken = [Broken(_where(file, table, row), why[row]) for row in sorted(why)]
    if broken and not reading.skip_broken:
        more = f" ({len(broken)} rows are broken)" if len(broken) > 1 else ""
        raise ZooError(
            f"{broken[0].where}: {broken[0].why}{more}", "put it right, or leave such rows out: --skip-broken"
        )
    kept = np.setdiff1d(all_rows(table), np.array(list(why), np.int64))
    if not len(kept):
        raise ZooError(f"{file} has no row left: {broken[0].why}, and so on", "is --target the right column?")
    rows = table.take(pa.array(kept))

    def where(row: int) -> str:
        return _where(file, table, int(kept[row]))

    labels = labels_of(rows, mine.targets, reading.target_type, where)
    groups = None if mine.group is None else words(rows.column(mine.group), where)
    samples = TableSamples(table.select(mine.features), kept, file, _remarks(mine))
    return Records(samples, labels, mine.targets if labels.ndim == 2 else (), groups), broken


def _where(file: Path, table: pa.Table, row: int) -> str:
    return f"{file}, {place(table, row)}"


def _remarks(mine: Roles) -> tuple[str, ...]:
    if mine.split is None:
        return ()
    return (f"column {mine.split!r} says which rows are for training, validation and test; it is no feature",)


def _by_split(records: Records, column: pa.ChunkedArray) -> dict[str, Records]:
    """Part records by a column that names each row's split."""
    samples = records.samples
    assert isinstance(samples, TableSamples)
    named = np.array([PARTS[value] for value in column.to_pylist()], dtype=np.str_)[samples.index]
    found = {part: np.flatnonzero(named == part) for part in SPLITS}
    return {part: _rows(records, rows) for part, rows in found.items() if len(rows)}


def _rows(records: Records, rows: Rows) -> Records:
    assert records.labels is not None
    groups = None if records.groups is None else records.groups[rows]
    return Records(records.samples.rows(rows), records.labels[rows], records.names, groups)
