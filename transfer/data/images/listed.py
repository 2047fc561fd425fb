"""Images that a table names or holds, with labels from its other columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from registry.errors import ZooError
from transfer.data.images.column import images_of
from transfer.data.images.decode import SKIP
from transfer.data.images.labels import (
    SPLIT_COLUMN,
    check_columns,
    class_names,
    labels_of,
    lacking,
    split_rows,
    texts,
)
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.images.sound import sound
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Records, Rows
from transfer.data.tables.places import place
from transfer.data.tables.read import read_table
from transfer.data.tables.roles import check_ignored


def read(path: Path, ref: str, reading: Reading, memory: Path | None) -> Found:
    """Read a table with an image column.

    A column `split` with train, valid or test says which split a row belongs to.

    Args:
        path: CSV, TSV, Parquet or Arrow.
        ref: what the data are called in results; the path where empty.
        reading: the user's options; `image_column` names the column.
        memory: the folder where files' digests and sizes are remembered; None remembers nothing.

    Raises:
        ZooError: it cannot be read, has not the columns that are named, or paths lead out of its folder; or rows have
            no label, or an image that is missing or broken, and `skip_broken` is not said.
    """
    if not reading.image_column:
        raise ZooError(f"{path}: which column holds the images is not said", "--image-column NAME")
    return from_table(read_table(path, (reading.image_column,)), path, ref, reading, memory)


def from_table(table: pa.Table, path: Path, ref: str, reading: Reading, memory: Path | None) -> Found:
    """Read images out of a table that was read from `path`; see `read`."""
    grouped = [reading.group_column] if reading.group_column else []
    check_columns(table, [str(reading.image_column), *reading.targets, *grouped], str(path))
    check_ignored(table.column_names, reading, str(path))
    images, empty = images_of(table, path, reading, memory)
    faults = {int(row): f"has nothing in column {reading.image_column!r}" for row in empty}
    faults |= lacking(table, [*reading.targets, *grouped])
    broken = tuple(Broken(f"{path}, {place(table, row)}", why) for row, why in sorted(faults.items()))
    if broken and not reading.skip_broken:
        others = f"; {len(broken) - 1} more rows are broken" if len(broken) > 1 else ""
        raise ZooError(f"{broken[0].where} {broken[0].why}{others}", SKIP)
    rows = np.setdiff1d(np.arange(table.num_rows), list(faults))
    kept = sound(images.rows(rows), reading)
    whole = _records(table, images, path, reading)
    parts = {name: whole.rows(chosen) for name, chosen in _parts(table, rows[kept.rows], reading, path).items()}
    return Found(ref or str(path), "images", parts, (*broken, *kept.broken))


def _records(table: pa.Table, images: ImageSamples | EncodedImages, path: Path, reading: Reading) -> Records:
    """Put all rows together, those that are broken among them."""
    labels = labels_of(table, reading.targets, str(path))
    names = reading.targets if len(reading.targets) > 1 else ()
    if labels is not None and labels.ndim == 1 and labels.dtype.kind == "i":
        names = class_names(path, reading.targets[0])
    return Records(images, labels, names, texts(table, reading.group_column) if reading.group_column else None)


def _parts(table: pa.Table, rows: Rows, reading: Reading, path: Path) -> dict[str, Rows]:
    used = (reading.image_column, reading.group_column, *reading.targets, *reading.ignored)
    if SPLIT_COLUMN in table.column_names and SPLIT_COLUMN not in used:
        return split_rows(table, rows, str(path))
    return {"all": rows}
