"""Shapes: computed ones, and tensors that change theirs. The first axis holds the samples and must stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import keras
import numpy as np

from transfer.importers.native import Tensor, identity
from transfer.importers.tflite.call import Call
from transfer.importers.tflite.values import Rows, Samples, Size, Sizes, Value


def _shape(call: Call) -> list[Value]:
    x = call.tensor()
    samples = x.order[0]
    if None in [size for axis, size in enumerate(x.shape) if axis != samples]:
        call.refuse(f"it asks for the sizes of {list(x.shape)}, some of which may vary")
    return [Sizes(tuple(Samples() if axis == samples else int(size or 0) for axis, size in enumerate(x.shape)))]


def _reshape(call: Call) -> list[Value]:
    value = call.value(0)
    if isinstance(value, Sizes):
        return [value]
    wanted = call.sizes(1) if call.given(1) else tuple(-1 if size is None else size for size in call.declared)
    if isinstance(value, np.ndarray):
        return [_constant(call, value, wanted)]
    x = value.tensor if isinstance(value, Rows) else call.plain()
    return [Rows(x) if _merges(call, x, wanted) else reshaped(call, x, wanted)]


def _constant(call: Call, array: np.ndarray, wanted: tuple[Size, ...]) -> np.ndarray:
    try:
        return array.reshape([1 if isinstance(size, Samples) else size for size in wanted])
    except ValueError:
        call.refuse(f"it makes {list(wanted)} of {list(array.shape)}")


def _merges(call: Call, x: Tensor, wanted: tuple[Size, ...]) -> bool:
    """Tell whether all axes but the last become one."""
    if len(wanted) != 2 or len(x.shape) < 3 or wanted[1] != x.shape[-1]:
        return False
    rows = math.prod(size or 0 for size in x.shape[1:-1])
    fixed = _samples(call)
    return rows > 1 and wanted[0] in (Samples(rows), -1, None if fixed is None else fixed * rows)


def _samples(call: Call) -> int | None:
    """Return how many samples the file fixes."""
    return call.build.lite.tensors[call.build.lite.inputs[0]].shape[0]


def reshaped(call: Call, x: Tensor, wanted: tuple[Size, ...]) -> Tensor:
    """Reshape the samples of a tensor.

    Args:
        call: the operator.
        x: with its axes as the file has them.
        wanted: with the samples' axis first: their number, -1, or the number that the file fixes.
    """
    inner = [size if isinstance(size, int) else -2 for size in wanted[1:]]
    old = math.prod(size or 0 for size in x.shape[1:])
    first = wanted[0] if wanted else 0
    stays = first in (Samples(), -1, _samples(call))
    new = math.prod(inner)
    if not wanted or not stays or inner.count(-1) > 1 or any(size < -1 for size in inner):
        call.refuse(f"it makes {list(wanted)} of {list(x.shape)}, and the first axis holds the samples")
    if (first == -1 or -1 not in inner) and new != old:
        call.refuse(f"it makes {list(wanted)} of {list(x.shape)}, which mixes samples")
    if tuple(inner) == tuple(x.shape[1:]):
        return x
    return call.layer(keras.layers.Reshape(inner), x, order=identity(len(wanted)))


def _like_declared(call: Call) -> list[Value]:
    """SQUEEZE and EXPAND_DIMS only add or take axes of size 1: the file says what comes out."""
    value = call.value(0)
    if isinstance(value, Sizes):
        return [value]
    if isinstance(value, np.ndarray):
        shape = [size or 1 for size in call.declared]
        return [value.reshape(shape)] if math.prod(shape) == value.size else call.refuse("its sizes do not fit")
    x = call.plain()
    if x.shape[1:].count(None) or call.declared[1:].count(None):
        call.refuse(f"its sizes {list(x.shape)} may vary")
    return [reshaped(call, x, (Samples(), *(int(size or 0) for size in call.declared[1:])))]


def _transpose(call: Call) -> list[Value]:
    """Only note which axis is which; a layer comes in where an operator needs another order."""
    value, moves = call.value(0), [int(axis) for axis in call.array(1).reshape(-1)]
    if isinstance(value, np.ndarray) and sorted(moves) == list(range(value.ndim)):
        return [value.transpose(moves)]
    x = call.tensor()
    if sorted(moves) != list(range(len(x.shape))):
        call.refuse(f"it moves the axes of {list(x.shape)} to {moves}")
    return [Tensor(x.keras, tuple(moves.index(axis) for axis in x.order))]


def _fill(call: Call) -> list[Value]:
    """The same number everywhere: a constant, with one sample where there are as many as in the input."""
    sizes, number = call.sizes(0), call.array(1)
    shape = [1 if isinstance(size, Samples) else size for size in sizes]
    if number.size != 1 or any(size < 0 for size in shape) or math.prod(shape) > 1 << 24:
        call.refuse(f"it fills a tensor of shape {list(sizes)}")
    return [np.full(shape, number.reshape(()), number.dtype)]


def _cast(call: Call) -> list[Value]:
    kinds = {"FLOAT32": "float32", "INT32": "int32", "INT64": "int64", "BOOL": "bool"}
    kind = kinds.get(call.build.lite.tensors[call.operator.outputs[0]].type)
    if kind is None:
        call.refuse("it makes numbers of a type that is not known")
    value = call.value(0)
    if isinstance(value, Sizes):
        return [value]
    if isinstance(value, np.ndarray):
        return [value.astype(kind)]
    return [call.operation(lambda x: keras.ops.cast(x, kind), call.tensor())]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "SHAPE": _shape,
    "RESHAPE": _reshape,
    "SQUEEZE": _like_declared,
    "EXPAND_DIMS": _like_declared,
    "TRANSPOSE": _transpose,
    "FILL": _fill,
    "CAST": _cast,
}
