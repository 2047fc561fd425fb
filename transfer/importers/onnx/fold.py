"""Operators on known tensors, computed with NumPy.

Source: the ONNX operator specification (onnx.ai/onnx/operators), versions 7 to 22.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.importers.onnx.arrays import TYPES

Array = NDArray[Any]
Inputs = list[Array | None]
Fold = Callable[[Inputs, Mapping[str, Any]], Any]
LARGEST = 1 << 25  # numbers that one node may make: no shape computation needs more, and weights are only turned
LAST = (1 << 31) - 1


class UnfoldableError(ValueError):
    """A node asks for what NumPy would not do, or for too much."""


def _given(inputs: Inputs, number: int) -> Array | None:
    return inputs[number] if len(inputs) > number else None


def _needed(inputs: Inputs, number: int) -> Array:
    found = _given(inputs, number)
    if found is None:
        raise UnfoldableError(f"input {number} is missing")
    return found


def bounded(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be made.

    Raises:
        UnfoldableError: it is negative or too large.
    """
    sizes = tuple(int(size) for size in np.asarray(shape).ravel())
    if any(size < 0 for size in sizes) or math.prod(sizes) > LARGEST:
        raise UnfoldableError(f"a tensor of shape {list(sizes)[:8]} is too large: expected at most {LARGEST} numbers")
    return sizes


def axes_of(inputs: Inputs, attributes: Mapping[str, Any], number: int = 1) -> tuple[int, ...] | None:
    """Return the axes of an operator that had them as an attribute before they became an input."""
    given = _given(inputs, number)
    axes = attributes.get("axes") if given is None else given.ravel().tolist()
    return None if axes is None or len(axes) == 0 else tuple(int(axis) for axis in axes)


def _elementwise(operation: Callable[..., Any]) -> Fold:
    def fold(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
        arrays = [_needed(inputs, number) for number in range(len(inputs))]
        bounded(np.broadcast_shapes(*(array.shape for array in arrays)))
        with np.errstate(all="ignore"):
            result = operation(*arrays)
        return np.asarray(result)

    return fold


def _divide(one: Array, other: Array) -> Array:
    if one.dtype.kind == "f":
        return np.asarray(one / other)
    if not other.all():
        raise UnfoldableError("a division by zero")
    if one.dtype.kind == "u":
        return np.asarray(one // other)
    return np.asarray(np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(other)))  # towards zero, of any size


def _power(base: Array, exponent: Array) -> Array:
    return np.asarray(np.power(base.astype(np.float64), exponent.astype(np.float64))).astype(base.dtype)


def _many(operation: Callable[[Array, Array], Any]) -> Callable[..., Any]:
    def fold(*arrays: Array) -> Array:
        result = arrays[0]
        for array in arrays[1:]:
            result = np.asarray(operation(result, array))
        return result

    return fold


def _cast(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    to = int(attributes.get("to", 0))
    if to not in TYPES:
        raise UnfoldableError(f"a cast to type number {to}")
    with np.errstate(all="ignore"):
        return _needed(inputs, 0).astype(np.float32 if to in (10, 16) else TYPES[to][0])


def _concat(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    arrays = [_needed(inputs, number) for number in range(len(inputs))]
    bounded(sum(array.size for array in arrays))
    return np.concatenate(arrays, int(attributes.get("axis", 1)))


def _gather(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, indices = _needed(inputs, 0), _needed(inputs, 1)
    bounded(indices.size * max(data.size // max(data.shape[int(attributes.get("axis", 0))], 1), 1))
    return np.asarray(np.take(data, indices, int(attributes.get("axis", 0))))


def _reshape(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, target = _needed(inputs, 0), [int(size) for size in _needed(inputs, 1)]
    if not attributes.get("allowzero"):
        target = [data.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    return data.reshape(target)


def slices(inputs: Inputs, attributes: Mapping[str, Any], rank: int) -> dict[int, slice]:
    """Return what an operator Slice takes of each axis that it names, with negative numbers as Python means them."""
    if len(inputs) == 1:
        starts, ends, axes, steps = attributes.get("starts"), attributes.get("ends"), attributes.get("axes"), None
    else:
        starts, ends, axes, steps = (_ints(_given(inputs, number)) for number in (1, 2, 3, 4))
    starts, ends = starts or (), ends or ()
    found = {}
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = steps[number] if steps else 1
        axis = (axes[number] if axes else number) % rank
        found[axis] = slice(int(start), None if end < -LAST or (step > 0 and end >= LAST) else int(end), int(step))
    return found


def _ints(array: Array | None) -> list[int] | None:
    return None if array is None else [int(number) for number in array.ravel()]


def _slice(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data = _needed(inputs, 0)
    taken = slices(inputs, attributes, data.ndim)
    return data[tuple(taken.get(axis, slice(None)) for axis in range(data.ndim))]


def _split(inputs: Inputs, attributes: Mapping[str, Any]) -> list[Array]:
    data, axis = _needed(inputs, 0), int(attributes.get("axis", 0))
    parts = _ints(_given(inputs, 1)) or attributes.get("split")
    ends = np.cumsum(parts)[:-1] if parts else int(attributes.get("num_outputs", 0))
    if parts is None and not ends:
        raise UnfoldableError("a Split without sizes")
    return list(np.split(data, ends, axis))


def _squeeze(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    return np.squeeze(_needed(inputs, 0), axes_of(inputs, attributes))


def _unsqueeze(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    return np.expand_dims(_needed(inputs, 0), axes_of(inputs, attributes) or ())


def _reduce(operation: Callable[..., Any]) -> Fold:
    def fold(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
        data, axes = _needed(inputs, 0), axes_of(inputs, attributes)
        if axes is None and attributes.get("noop_with_empty_axes"):
            return data
        return np.asarray(operation(data, axis=axes, keepdims=bool(attributes.get("keepdims", 1))), data.dtype)

    return fold


def _expand(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, shape = _needed(inputs, 0), bounded(_needed(inputs, 1))
    target = bounded(np.broadcast_shapes(data.shape, shape))
    return np.broadcast_to(data, target)


def _tile(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, times = _needed(inputs, 0), _needed(inputs, 1)
    bounded(np.asarray(data.shape, np.object_) * times)
    return np.tile(data, times)


def _range(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    start, limit, step = (_needed(inputs, number).item() for number in (0, 1, 2))
    if not step or abs((limit - start) / step) > LARGEST:
        raise UnfoldableError(f"a Range of {start} to {limit} by {step}")
    return np.arange(start, limit, step, dtype=_needed(inputs, 0).dtype)


def _flatten(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, axis = _needed(inputs, 0), int(attributes.get("axis", 1))
    return data.reshape(math.prod(data.shape[:axis]), -1)


def _dequantized(inputs: Inputs, attributes: Mapping[str, Any]) -> Array:
    data, scale, zero = _needed(inputs, 0), _needed(inputs, 1), _given(inputs, 2)
    shape = [1] * data.ndim
    if scale.size > 1:
        shape[int(attributes.get("axis", 1))] = -1
    moved = data.astype(np.float32) - (0 if zero is None else zero.astype(np.float32).reshape(shape))
    return np.asarray(moved * scale.astype(np.float32).reshape(shape))


# Operators that take numbers as they are; of all others equal results in both worlds may be chance (`known.py`).
MOVES = frozenset(
    {
        "Concat",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Abs": np.abs, "Add": np.add, "And": np.logical_and, "Ceil": np.ceil, "Cos": np.cos, "Div": _divide,
    "Equal": np.equal, "Exp": np.exp, "Floor": np.floor, "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal, "Log": np.log,
    "Max": _many(np.maximum), "Min": _many(np.minimum), "Mul": np.multiply, "Neg": np.negative,
    "Not": np.logical_not, "Or": np.logical_or, "Pow": _power, "Reciprocal": lambda x: (1 / x).astype(x.dtype),
    "Round": np.rint, "Sin": np.sin, "Sqrt": np.sqrt, "Sub": np.subtract, "Sum": _many(np.add),
    "Where": lambda test, one, other: np.where(test, one, other),
}  # fmt: skip
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMax": np.max, "ReduceMean": np.mean, "ReduceMin": np.min, "ReduceProd": np.prod, "ReduceSum": np.sum,
}  # fmt: skip

FOLDS: dict[str, Fold] = {
    **{op: _elementwise(operation) for op, operation in ELEMENTWISE.items()},
    **{op: _reduce(operation) for op, operation in REDUCTIONS.items()},
    "Cast": _cast,
    "Concat": _concat,
    "DequantizeLinear": _dequantized,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Mod": lambda inputs, attributes: _elementwise(np.fmod if attributes.get("fmod") else np.mod)(inputs, attributes),
    "Identity": lambda inputs, attributes: _needed(inputs, 0),
    "Range": _range,
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda inputs, attributes: _needed(inputs, 0).transpose(attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
}
