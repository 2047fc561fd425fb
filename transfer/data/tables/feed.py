"""A table's rows in a model's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from registry.columns import Column, width_of
from registry.errors import ZooError
from transfer.data.records import Digests, Rows
from transfer.data.tables.encode import check_held, encode, unseen
from transfer.data.tables.samples import TableSamples
from transfer.inputs import Arrays, ModelInput

TRUTH = {"true", "false", ""}  # of truth values, which have no other texts


class TableFeed:
    """Rows of a table, encoded when they are asked for; a `transfer.feeding.Feed`.

    Args:
        samples: raw rows.
        columns: as they were fitted to training rows.
        inputs: what the model takes.

    Raises:
        ZooError: the table lacks a column, or the model takes anything but rows of the columns' width.
    """

    def __init__(self, samples: TableSamples, columns: Sequence[Column], inputs: Sequence[ModelInput]) -> None:
        _check_input(columns, inputs)
        check_held(samples.table, columns, str(samples.path))
        self.columns = tuple(columns)
        self.samples = samples.as_texts(_guessed(samples.table, columns))
        self.shapes: tuple[tuple[int, ...], ...] = ((width_of(columns),),)
        self.dtypes: tuple[str, ...] = ("float32",)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def digests(self) -> Digests:
        """The sha256 of each row, `(n, 32) uint8`."""
        return self.samples.digests

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say what of the rows the encoding does not pass on."""
        return unseen(self.samples.take(np.arange(len(self), dtype=np.int64)), self.columns, self.samples.where)

    def read(self, rows: Rows) -> Arrays:
        """Return some rows, encoded: one array `(n, width) float32`.

        Raises:
            ZooError: a value is not of its column's kind; it is named.
        """
        return (encode(self.samples.take(rows), self.columns, lambda row: self.samples.where(int(rows[row]))),)

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield rows `size` by `size`, encoded, in their order; a block takes less time than it is worth to read ahead.

        Raises:
            ZooError: as `read`.
        """
        for first in range(0, len(rows), size):
            block = rows[first : first + size]
            yield block, self.read(block)


def _guessed(table: pa.Table, columns: Sequence[Column]) -> list[str]:
    """List the categories that this table's rows happen to make something else of, such as numbers."""
    found = []
    for column in columns:
        kind = table.schema.field(column.name).type
        truth = pa.types.is_boolean(kind) and set(column.values) <= TRUTH
        if column.kind == "category" and not pa.types.is_string(kind) and not truth:
            found.append(column.name)
    return found


def _check_input(columns: Sequence[Column], inputs: Sequence[ModelInput]) -> None:
    width = width_of(columns)
    if len(inputs) != 1:
        takes = ", ".join(str(one) for one in inputs)
        raise ZooError(
            f"a table is one array of {width} numbers a row; the model has {len(inputs)} inputs: {takes}",
            "give each input its own array, in an .npz: x_train.NAME",
        )
    one = inputs[0]
    if one.whole or one.indices is not None:
        raise ZooError(f"a table is encoded as float32; the model takes whole numbers at {one}", "use .npz data")
    if len(one.shape) != 1 or one.shape[0] not in (None, width):
        each = ", ".join(str(column) for column in columns[:40])
        more = f" and {len(columns) - 40} more" if len(columns) > 40 else ""
        raise ZooError(
            f"the table's columns are encoded as {width} numbers a row; the model takes {one}. They are {each}{more}",
            "leave columns out of the table or add those that are lacking, so that the widths add up to the model's",
        )
