"""Parquet and Arrow files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from registry.errors import ZooError

MOST_BYTES = 4 * 2**30  # of a table in memory, which a few kilobytes of Parquet can claim
BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last from the names of columns


def read_parquet(path: Path) -> pa.Table:
    """Read a Parquet file.

    Raises:
        ZooError: it is broken, or too large for memory.
    """
    try:
        with pa.parquet.ParquetFile(path, memory_map=True) as file:
            _check_size(file.metadata, path)
            table = file.read()
        table.validate(full=True)
        _ = table.column_names  # they may be no UTF-8
    except BROKEN as error:
        raise _broken(path, "Parquet", error) from error
    return table.replace_schema_metadata(None)


def read_arrow(path: Path, *, stream: bool) -> pa.Table:
    """Read an Arrow file or stream (Feather of version 2 is the file); what is not compressed stays on the disk.

    Raises:
        ZooError: it is broken: offsets and texts are checked, since nothing else does.
    """
    try:
        source = pa.memory_map(str(path))
        with (pa.ipc.open_stream if stream else pa.ipc.open_file)(source) as reader:
            table = reader.read_all()
        table.validate(full=True)
        _ = table.column_names  # they may be no UTF-8
    except BROKEN as error:
        raise _broken(path, "Arrow", error) from error
    return table.replace_schema_metadata(None)


def _check_size(metadata: pa.parquet.FileMetaData, path: Path) -> None:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    need = max(sum(group.total_byte_size for group in groups), metadata.num_rows * metadata.num_columns * 4)
    if need > MOST_BYTES:
        raise ZooError(
            f"{path} holds {metadata.num_rows} rows of {metadata.num_columns} columns, {need / 2**30:.1f} GiB in"
            f" memory; at most {MOST_BYTES / 2**30:.0f} GiB are read",
            "take a sample of its rows, or fewer columns",
        )


def _broken(path: Path, kind: str, error: Exception) -> ZooError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ZooError(f"{path} is no readable {kind} file: {said}", "is it whole? fetch or write it again")
