"""Rows of a table as samples."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from registry.errors import ZooError
from transfer.data.records import Digests, Rows
from transfer.data.tables.places import from_text, place

if TYPE_CHECKING:  # all others ask whether samples are these, and need no tables for it
    import pyarrow as pa


@dataclass(frozen=True)
class TableSamples:
    """Rows of a table that a model may take.

    Attributes:
        table: all rows of a file, and those columns that are no labels, groups or splits.
        index: which of its rows these are, in order.
        path: the file.
        remarks: what a person should know of how the file was read.
    """

    table: pa.Table
    index: Rows
    path: Path
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.table.column_names)

    def rows(self, chosen: Rows) -> TableSamples:
        """Return some of the rows, in the order of `chosen`."""
        return replace(self, index=self.index[chosen])

    def where(self, row: int) -> str:
        """Say where a row lies: `table.csv, line 18`, or `table.parquet, row 17`."""
        return f"{self.path}, {place(self.table, int(self.index[row]))}"

    @cached_property
    def digests(self) -> Digests:
        """The sha256 of each row's values and their columns' names, `(n, 32) uint8`."""
        from transfer.data.tables.digest import row_digests

        return row_digests(self.table, self.index)

    def take(self, rows: Rows) -> pa.Table:
        """Return some of the rows as a table."""
        import pyarrow as pa

        return self.table.take(pa.array(self.index[rows]))

    def as_texts(self, names: Collection[str]) -> TableSamples:
        """Return the same rows with these columns as they were written, where the file is text.

        What a column of text looks like depends on its rows: of a category `1A`, `02`, a file may hold `02` only.

        Raises:
            ZooError: the file has changed since.
        """
        if not names or not from_text(self.table):
            return self
        from transfer.data.tables.read import read_table

        written = read_table(self.path, texts=names, skip_ragged=True)
        if written.num_rows != self.table.num_rows or not set(names) <= set(written.column_names):
            raise ZooError(f"{self.path} has changed while it was read", "run it again")
        table = self.table
        for name in names:
            table = table.set_column(table.column_names.index(name), name, written.column(name))
        return replace(self, table=table)


def all_rows(table: pa.Table) -> Rows:
    """Return the positions of all of a table's rows."""
    return np.arange(table.num_rows, dtype=np.int64)
