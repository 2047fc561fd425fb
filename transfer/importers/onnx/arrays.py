"""ONNX tensors to NumPy arrays, one at a time.

Source: `TensorProto` in `onnx/onnx.proto`; data beside the model: ONNX, External Data.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.importers.onnx.messages import EXTERNAL, text

Array = NDArray[Any]
BFLOAT16 = 16
# TensorProto.DataType -> NumPy's type, and the field that holds such numbers where `raw_data` does not.
TYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    BFLOAT16: ("<u2", "int32_data"),  # the upper half of a float32
}
NAMES = {0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 19: "float8e5m2",
         21: "uint4", 22: "int4", 23: "float4e2m1"}  # fmt: skip


def array_of(tensor: Any, path: Path) -> Array:
    """Return a tensor's numbers.

    Args:
        tensor: a `Tensor` message.
        path: the model's file, which `external_data` is relative to.

    Raises:
        ZooError: its type cannot be read, or it holds another number of bytes than its shape needs.
    """
    kind = int(tensor.data_type)
    if kind not in TYPES:
        named = NAMES.get(kind, f"number {kind}")
        raise ZooError(f"the tensor {tensor.name} of {path} has the type {named}, which no Keras weight has")
    shape = shape_of(tensor, path)
    dtype, field = TYPES[kind]
    numbers = _stored(tensor, path, math.prod(shape), np.dtype(dtype), field)
    if kind == BFLOAT16:
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers.reshape(shape)


def shape_of(tensor: Any, path: Path) -> tuple[int, ...]:
    """Return a tensor's shape.

    Raises:
        ZooError: a size is negative.
    """
    shape = tuple(int(size) for size in tensor.dims)
    if any(size < 0 for size in shape) or len(shape) > 32:
        raise ZooError(f"the tensor {tensor.name} of {path} is damaged: its shape is {list(shape)[:40]}")
    return shape


def _stored(tensor: Any, path: Path, count: int, dtype: np.dtype[Any], field: str) -> Array:
    size = count * dtype.itemsize
    if tensor.data_location == EXTERNAL:
        return np.frombuffer(_external(tensor, path, size), dtype)
    if tensor.HasField("place"):
        _fits(tensor, path, size, tensor.length, "bytes")
        if not 0 <= tensor.place <= path.stat().st_size - size:
            raise ZooError(f"the tensor {tensor.name} of {path} is damaged: its numbers lie outside the file")
        return np.fromfile(path, dtype, count, offset=tensor.place)
    if tensor.HasField("raw_data"):
        data = tensor.raw_data
        _fits(tensor, path, size, len(data), "bytes")
        return np.frombuffer(data, dtype)
    numbers = getattr(tensor, field)
    _fits(tensor, path, count, len(numbers), "numbers")
    # The bits of a float16 are kept as an integer; unsigned numbers are kept in signed fields.
    return np.array(numbers, np.int64).astype(np.uint16).view(dtype) if dtype == np.float16 else _typed(numbers, dtype)


def _typed(numbers: Any, dtype: np.dtype[Any]) -> Array:
    held = np.float64 if dtype.kind == "f" else np.uint64 if dtype == np.uint64 else np.int64
    return np.array(numbers, held).astype(dtype)


def _fits(tensor: Any, path: Path, expected: int, got: int, what: str) -> None:
    if expected != got:
        raise ZooError(
            f"the tensor {tensor.name} of {path} is damaged: its shape {list(tensor.dims)[:8]} needs "
            f"{expected} {what}, got {got}"
        )


def file_of(tensor: Any, path: Path) -> Path:
    """Return the file beside the model that holds a tensor; it may lie in the model's folder or below only.

    Raises:
        ZooError: it lies elsewhere, or is not there.
    """
    location, where = _entries(tensor).get("location", ""), f"the tensor {tensor.name} of {path}"
    folder = path.resolve().parent
    file = (folder / location).resolve()
    if not location or Path(location).is_absolute() or folder not in file.parents:
        raise ZooError(f"{where} lies outside the model's folder: {location!r}; only files beside the model are read")
    if not file.is_file():
        raise ZooError(f"{where} lies in {location}, which is not there", f"put {location} beside {path.name}")
    return file


def _entries(tensor: Any) -> dict[str, str]:
    return {text(entry.key): text(entry.value) for entry in tensor.external_data}


def _external(tensor: Any, path: Path, size: int) -> bytes:
    """Read a tensor's part of a file beside the model."""
    entries, file, where = _entries(tensor), file_of(tensor, path), f"the tensor {tensor.name} of {path}"
    offset, length = (_number(entries.get(key, default), where) for key, default in (("offset", "0"), ("length", size)))
    _fits(tensor, path, size, length, "bytes")
    if offset + length > file.stat().st_size:
        raise ZooError(f"{where} ends at byte {offset + length} of {file.name}, which has {file.stat().st_size}")
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _number(text: str | int, where: str) -> int:
    found = int(text) if str(text).isascii() and str(text).isdigit() and len(str(text)) < 20 else -1
    if found < 0:
        raise ZooError(f"{where} is damaged: expected a number of bytes, got {str(text)[:40]!r}")
    return found
