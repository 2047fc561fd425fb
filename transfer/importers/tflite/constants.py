"""The constant tensors of a `.tflite` file as NumPy arrays: dequantised, and dense where they are stored sparse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.importers.tflite.file import MOST_AXES, Lite, LiteTensor
from transfer.importers.tflite.flatbuffer import BrokenError, Table
from transfer.importers.tflite.schema import DIMENSION, SPARSITY

Array = NDArray[Any]
INDEX_TYPES = {1: "<i4", 2: "<u2", 3: "<u1"}  # SparseIndexVector


def array_of(lite: Lite, index: int) -> Array | None:
    """Return a constant tensor's numbers; None where the tensor is computed.

    float16 becomes float32; quantised whole numbers become the float32 that they stand for.

    Raises:
        BrokenError: it has another number of bytes than its shape needs, or a type that no weight has.
    """
    tensor = lite.tensors[index]
    if tensor.span is None:
        return None
    if tensor.dtype is None or None in tensor.shape:
        raise BrokenError(f"its constant {tensor.name} has the type {tensor.type} and shape {list(tensor.shape)}")
    array = _sparse(lite, tensor, tensor.sparsity) if tensor.sparsity else _dense(lite, tensor)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return _real(tensor, array) if tensor.scale and array.dtype.kind in "iu" else array


def _dense(lite: Lite, tensor: LiteTensor) -> Array:
    numbers = _stored(lite, tensor)
    shape = tuple(size or 0 for size in tensor.shape)
    if numbers.size != math.prod(shape):
        raise BrokenError(f"its constant {tensor.name} has {numbers.size} numbers; expected {list(shape)}")
    return numbers.reshape(shape)


def _stored(lite: Lite, tensor: LiteTensor) -> Array:
    assert tensor.span is not None and tensor.dtype is not None
    start, size = tensor.span
    dtype = np.dtype(tensor.dtype)
    if size % dtype.itemsize:
        raise BrokenError(f"its constant {tensor.name} has {size} bytes of {tensor.type}")
    return np.frombuffer(lite.data, dtype, size // dtype.itemsize, start)


def _real(tensor: LiteTensor, array: Array) -> Array:
    """Return `scale * (stored - zero_point)`: tensorflow.org/lite/performance/quantization_spec."""
    scale = np.array(tensor.scale, np.float32)
    zero = np.array(tensor.zero_point or (0,), np.float32)
    if len(scale) > 1 or len(zero) > 1:
        if (
            not 0 <= tensor.axis < array.ndim
            or array.shape[tensor.axis] != len(scale)
            or len(zero) not in (1, len(scale))
        ):
            raise BrokenError(f"its constant {tensor.name} has {len(scale)} scales for the shape {list(array.shape)}")
        along = [1] * array.ndim
        along[tensor.axis] = -1
        scale, zero = scale.reshape(along), zero.reshape(along) if len(zero) > 1 else zero
    return ((array.astype(np.float32) - zero) * scale).astype(np.float32)


def _sparse(lite: Lite, tensor: LiteTensor, how: Table) -> Array:
    """Lay out a sparse tensor: `SparsityParameters` in the schema; Chou, Kjolstad and Amarasinghe 2018.

    The axes are stored in `traversal_order`; those from the tensor's rank on are the insides of blocks.
    """
    shape = [size or 0 for size in tensor.shape]
    order = [int(axis) for axis in how.numbers(SPARSITY["traversal_order"], "<i4", 2 * MOST_AXES)]
    blocks = [int(axis) for axis in how.numbers(SPARSITY["block_map"], "<i4", MOST_AXES)]
    levels = how.tables(SPARSITY["dim_metadata"], 2 * MOST_AXES)
    known = sorted(order) == list(range(len(shape) + len(blocks))) and len(levels) == len(order)
    if not known or any(not 0 <= axis < len(shape) for axis in blocks) or math.prod(shape) > 1 << 28:
        raise BrokenError(f"its sparse constant {tensor.name} is stored in no way that is known")
    sizes, inner = list(shape), {}
    for number, axis in enumerate(blocks):
        level = levels[order.index(len(shape) + number)]
        inner[axis] = int(level.number(DIMENSION["dense_size"]))
        if inner[axis] < 1 or sizes[axis] % inner[axis]:
            raise BrokenError(f"its sparse constant {tensor.name} has blocks that do not fit its shape {shape}")
        sizes[axis] //= inner[axis]
    sizes += [inner[axis] for axis in blocks]
    values = _stored(lite, tensor)
    places = _places(tensor.name, levels, [sizes[axis] for axis in order], len(values))
    coordinates = {axis: places[:, number] for number, axis in enumerate(order)}
    for number, axis in enumerate(blocks):
        coordinates[axis] = coordinates[axis] * inner[axis] + coordinates[len(shape) + number]
    array = np.zeros(shape, values.dtype)
    array[tuple(coordinates[axis] for axis in range(len(shape)))] = values
    return array


def _places(name: str, levels: list[Table], sizes: list[int], count: int) -> NDArray[np.int64]:
    """Return the coordinates `(count, levels)` of the stored numbers, level by level."""
    places = np.zeros((1, 0), np.int64)
    for level, size in zip(levels, sizes, strict=True):
        if level.number(DIMENSION["format"], "<b") == 0:  # dense
            if len(places) * size > count:
                raise BrokenError(f"its sparse constant {name} has {count} numbers, and needs more")
            new = np.tile(np.arange(size), len(places))
            places = np.column_stack([np.repeat(places, size, axis=0), new])
            continue
        segments = _indices_of(level, "array_segments_type", "array_segments")
        indices = _indices_of(level, "array_indices_type", "array_indices")
        lengths = np.diff(segments)
        fits = len(segments) == len(places) + 1 and segments[0] == 0 and (lengths >= 0).all()
        if not fits or segments[-1] != len(indices) or (indices >= size).any() or (indices < 0).any():
            raise BrokenError(f"its sparse constant {name} has indices that do not fit")
        places = np.column_stack([np.repeat(places, lengths, axis=0), indices])
    if len(places) != count:
        raise BrokenError(f"its sparse constant {name} has {count} numbers; expected {len(places)}")
    return places


def _indices_of(level: Table, kind: str, field: str) -> NDArray[np.int64]:
    dtype = INDEX_TYPES.get(level.number(DIMENSION[kind], "<B"))
    table = level.table(DIMENSION[field])
    if dtype is None or table is None:
        raise BrokenError("it has a sparse constant without indices")
    return table.numbers(0, dtype).astype(np.int64)
