"""The sha256 of rows.

Of each row it is over the names of the columns, sorted, each as JSON with a line break, and then over a cell for each
in that order: `-` and zeros where it is missing, else `n` and a number as a little-endian float64, `d` and days since
1970-01-01 likewise, or `t` and the sha256 of a text in UTF-8. Truth values are the texts `true` and `false`. So neither
the order of the columns counts nor the type of a number.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transfer.data.records import Digests, Rows
from transfer.data.tables.cells import days_of, plain, texts

BLOCK = 8192  # rows
Bytes = NDArray[np.uint8]


def row_digests(table: pa.Table, rows: Rows) -> Digests:
    """Return the sha256 of each of these rows, `(n, 32) uint8`."""
    names = sorted(table.column_names)
    start = hashlib.sha256("".join(f"{json.dumps(name)}\n" for name in names).encode())
    digests = np.empty((len(rows), 32), np.uint8)
    for first in range(0, len(rows), BLOCK):
        block = table.take(pa.array(rows[first : first + BLOCK]))
        cells = [_cells(block.column(name)) for name in names]
        joined = np.concatenate(cells, axis=1) if cells else np.zeros((len(block), 0), np.uint8)
        for row, content in enumerate(joined):
            digest = start.copy()
            digest.update(content)
            digests[first + row] = np.frombuffer(digest.digest(), np.uint8)
    return digests


def _cells(column: pa.ChunkedArray) -> Bytes:
    column = plain(column)
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _numbers(b"d", days_of(column))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return _numbers(b"n", pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy())
    if pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return _texts(texts(column, str))
    return _texts(pa.chunked_array([[repr(value) for value in column.to_pylist()]], pa.string()))


def _numbers(tag: bytes, values: NDArray[np.float64]) -> Bytes:
    missing = np.isnan(values)
    cells = np.zeros((len(values), 9), np.uint8)
    cells[:, 0] = np.where(missing, ord("-"), ord(tag))
    # Minus zero is zero.
    cells[:, 1:] = (np.where(missing, 0.0, values) + 0.0).astype("<f8").view(np.uint8).reshape(-1, 8)
    return cells


def _texts(column: pa.ChunkedArray) -> Bytes:
    """Hash each different text once."""
    coded = pc.dictionary_encode(column).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0)
    known = [_text(value) for value in coded.dictionary.to_pylist()]
    each = np.array(known, dtype=np.uint8).reshape(-1, 33)
    found: Bytes = each[coded.indices.to_numpy(zero_copy_only=False)]
    return found


def _text(value: str) -> list[int]:
    return list(b"t" + hashlib.sha256(value.encode()).digest() if value else b"-" + bytes(32))
