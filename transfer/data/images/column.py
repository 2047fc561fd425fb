"""A table's image column: paths relative to the table, or the encoded images themselves."""

from __future__ import annotations

import ntpath
import posixpath
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import ZooError
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.reading import Reading
from transfer.data.records import Rows
from transfer.data.tables.places import place

TAKES = "paths relative to the table's folder, encoded images, or Hugging Face's {bytes, path}"


class ArrowBytes(Sequence[bytes]):
    """A column of bytes; each is fetched when it is asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: int) -> bytes:  # type: ignore[override]  # nobody asks for slices
        found: bytes = self._column[row].as_py() or b""
        return found


def images_of(
    table: pa.Table, path: Path, reading: Reading, memory: Path | None
) -> tuple[ImageSamples | EncodedImages, Rows]:
    """Return the images of the column that `reading.image_column` names, one a row, and which rows have none.

    Args:
        table: with that column.
        path: the table's file.
        reading: the user's options.
        memory: the folder where files' digests and sizes are remembered.

    Raises:
        ZooError: the column holds something else, or paths that lead out of the table's folder.
    """
    name = str(reading.image_column)
    column = _decoded(table[name])

    def called(row: int) -> str:
        return f"{path}, {place(table, row)}"

    if pa.types.is_struct(column.type):
        column = _of_struct(column, f"{path}: column {name!r}")
    if _is_bytes(column.type):
        return EncodedImages(ArrowBytes(column), called), _empty(column)
    if not _is_text(column.type):
        raise ZooError(f"{path}: column {name!r} is of type {column.type}; expected {TAKES}")
    names = [_inside(value, called(row)) for row, value in enumerate(pc.fill_null(column, "").to_pylist())]
    places = [f"{called(row)}: {path.parent / name}" for row, name in enumerate(names)]
    return ImageSamples(path.parent, names, places=places, memory=memory, paranoid=reading.paranoid), _empty(column)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take texts out of a dictionary, and any sizes of offsets for the large ones."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if _is_text(column.type) else column


def _of_struct(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Take the bytes out of {bytes, path}, or the paths where there are no bytes."""
    fields = {field.name: at for at, field in enumerate(column.type)}
    held = pc.struct_field(column, [fields["bytes"]]) if "bytes" in fields else None
    paths = pc.struct_field(column, [fields["path"]]) if "path" in fields else None
    if held is not None and _is_bytes(held.type) and (held.null_count < len(held) or paths is None):
        return held
    if paths is not None and _is_text(paths.type):
        return _decoded(paths)
    raise ZooError(f"{where} is of type {column.type}; expected {TAKES}")


def _empty(column: pa.ChunkedArray) -> Rows:
    lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
    return np.flatnonzero(lengths == 0)


def _inside(name: str, where: str) -> str:
    """Check that a path stays in the table's folder."""
    plain = posixpath.normpath(name) if name else ""
    if posixpath.isabs(name) or ntpath.splitdrive(name)[0] or plain == ".." or plain.startswith("../"):
        raise ZooError(
            f"{where} names {name!r}, which is not in the table's folder",
            "paths must be relative to it and stay in it: move the table above its images",
        )
    return name


def _is_bytes(type: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type) or pa.types.is_large_binary(type) or pa.types.is_fixed_size_binary(type))


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))
