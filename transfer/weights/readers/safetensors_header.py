"""Where the arrays of a safetensors file lie.

Layout: 8 bytes, the header's size N, little-endian; N bytes of JSON, `{NAME: {"dtype", "shape", "data_offsets"},
"__metadata__": {…}}`; then the numbers, which the offsets cover without a gap or an overlap.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import msgspec
import numpy as np

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import shown
from transfer.files.source import FileSpan, size_of
from transfer.weights.readers.stored import Stored, checked, row_major

LARGEST_HEADER = 100 * 2**20  # bytes; the format's own bound
SIZE = 8
MOST_ARRAYS = 100_000
METADATA = "__metadata__"
DTYPES: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_, "C64": np.complex64,
}  # fmt: skip


class Entry(msgspec.Struct):
    """What the header says of one array."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def header(path: Path) -> tuple[dict[str, str], dict[str, Stored]]:
    """Return a file's metadata, and its arrays by name in the header's order; no array is read.

    Raises:
        ZooError: it is no safetensors file, is damaged, or holds a type that NumPy does not have.
    """
    size = size_of(path)
    start = _size(path, size)
    raw = _decoded(FileSpan(path, SIZE, start - SIZE).read(0, start - SIZE), path)
    if len(raw) > MOST_ARRAYS:
        raise _damaged(path, f"its header names {len(raw)} arrays; at most {MOST_ARRAYS} are read")
    metadata = _converted(raw.pop(METADATA, b"{}"), dict[str, str], METADATA, path)
    entries = {name: _converted(entry, Entry, name, path) for name, entry in raw.items()}
    _check_cover(entries, size - start, path)
    return metadata, {name: _stored(name, entry, start, path) for name, entry in entries.items()}


def _size(path: Path, size: int) -> int:
    """Return where the numbers begin."""
    if size < SIZE:
        raise _damaged(path, f"it has {size} bytes; expected at least {SIZE}")
    length = int.from_bytes(FileSpan(path, 0, SIZE).read(0, SIZE), "little")
    if length > min(size - SIZE, LARGEST_HEADER):
        raise _damaged(path, f"its header is to have {length} bytes; it has {size} in all")
    return SIZE + length


def _decoded(text: bytes, path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, shown(error, 200)) from error


def _converted(raw: Any, type: Any, name: str, path: Path) -> Any:
    try:
        return msgspec.json.decode(raw, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, f"{shown(name, 200)}: {shown(error, 200)}") from error


def _check_cover(entries: dict[str, Entry], size: int, path: Path) -> None:
    end = 0
    for begin, after in sorted(entry.data_offsets for entry in entries.values()):
        if begin != end or after < begin:
            raise _damaged(
                path, f"its arrays overlap or leave a gap: one begins at {begin}, the one before ends at {end}"
            )
        end = after
    if end != size:
        raise _damaged(path, f"its arrays end at {end}, and its numbers at {size}")


def _stored(name: str, entry: Entry, start: int, path: Path) -> Stored:
    if entry.dtype not in DTYPES:
        raise ZooError(
            f"{path} holds {shown(name, 200)!r} of the type {shown(entry.dtype)}; expected one of {', '.join(DTYPES)}"
        )
    begin, after = entry.data_offsets
    stored = Stored(FileSpan(path, start + begin, after - begin), np.dtype(DTYPES[entry.dtype]), entry.shape, ())
    if (
        len(entry.shape) > 32
        or min(entry.shape, default=0) < 0
        or stored.count * stored.dtype.itemsize != after - begin
    ):
        raise _damaged(
            path, f"{shown(name, 200)} {shown(entry.shape)} {entry.dtype} does not fit its {after - begin} bytes"
        )
    return checked(Stored(stored.source, stored.dtype, entry.shape, row_major(entry.shape)), str(path))


def _damaged(path: Path, why: str) -> ZooError:
    return ZooError(f"{path} is no safetensors file, or a damaged one: {why}", AGAIN)
