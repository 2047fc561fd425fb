"""Sums, differences, products and quotients of tensors, and of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from transfer.importers.elementwise import scaled, shifted
from transfer.importers.native import Tensor
from transfer.importers.tflite.call import Array, Call
from transfer.importers.tflite.values import Sizes, Value

ops = keras.ops
LAYERS = {
    "ADD": keras.layers.Add, "SUB": keras.layers.Subtract, "MUL": keras.layers.Multiply,
    "MAXIMUM": keras.layers.Maximum, "MINIMUM": keras.layers.Minimum,
}  # fmt: skip
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {  # NumPy's and Keras's
    "ADD": (np.add, ops.add), "SUB": (np.subtract, ops.subtract), "MUL": (np.multiply, ops.multiply),
    "DIV": (np.divide, ops.divide), "MAXIMUM": (np.maximum, ops.maximum), "MINIMUM": (np.minimum, ops.minimum),
    "POW": (np.power, ops.power), "LESS": (np.less, ops.less), "LESS_EQUAL": (np.less_equal, ops.less_equal),
    "GREATER": (np.greater, ops.greater), "GREATER_EQUAL": (np.greater_equal, ops.greater_equal),
    "EQUAL": (np.equal, ops.equal), "NOT_EQUAL": (np.not_equal, ops.not_equal),
}  # fmt: skip
FUSED = ("ADD", "SUB", "MUL", "DIV")


def _binary(call: Call) -> list[Value]:
    kind = call.operator.kind
    values = [call.value(place) for place in (0, 1)]
    code = call.options("ARITHMETIC")["activation"] if kind in FUSED else 0
    if kind == "DIV" and any(map(_is_whole, values)):
        call.refuse("it divides whole numbers and rounds towards zero, which no Keras layer does")
    if all(isinstance(value, np.ndarray) for value in values):
        if call.activation(code) != "NONE":
            call.refuse("it computes a constant and has a fused activation")
        with np.errstate(all="ignore"):
            return [np.asarray(FUNCTIONS[kind][0](*values))]
    if any(isinstance(value, Sizes) for value in values):
        call.refuse("it computes with a tensor's sizes")
    if isinstance(values[0], Tensor) and isinstance(values[1], Tensor):
        made = _tensors(call, kind, values[0], values[1])
    else:
        first = isinstance(values[0], np.ndarray)
        made = _with_constant(call, kind, call.tensor(1 if first else 0), call.array(0 if first else 1), first)
    return [call.activated(made, code)]


def _is_whole(value: Value) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iu"
    return isinstance(value, Sizes) or (isinstance(value, Tensor) and "int" in str(value.keras.dtype))


def _tensors(call: Call, kind: str, left: Tensor, right: Tensor) -> Tensor:
    if left.order != right.order:
        left, right = call.build.net.plain(left), call.build.net.plain(right)
    if len(left.shape) != len(right.shape):
        call.refuse(f"its inputs have {len(left.shape)} and {len(right.shape)} axes")
    if kind in LAYERS and left is not right:
        return call.layer(LAYERS[kind](), [left, right])
    return call.operation(FUNCTIONS[kind][1], left, right)


def _with_constant(call: Call, kind: str, x: Tensor, array: Array, first: bool) -> Tensor:
    """Compute with a constant, which comes first where `first` says so."""
    whole = array.dtype.kind in "iub"
    if array.size == 1:
        number = array.reshape(()).item()
        if not whole and kind in FUSED and not (first and kind == "DIV"):
            return _line(call, kind, x, number, first)
        function = FUNCTIONS[kind][1]
        return call.operation((lambda t: function(number, t)) if first else (lambda t: function(t, number)), x)
    if kind not in FUSED or whole or (first and kind == "DIV"):
        call.refuse(f"its constant has {array.size} numbers; expected one")
    if array.ndim > len(x.shape):
        call.refuse(f"its constant has {array.ndim} axes, its input {len(x.shape)}")
    spread = array.reshape((1,) * (len(x.shape) - array.ndim) + array.shape).transpose(x.order)
    fits = all(1 in (size, own) or size == own for size, own in zip(spread.shape[1:], x.keras.shape[1:], strict=True))
    if spread.shape[0] != 1 or not fits:
        call.refuse(f"its constant of shape {list(array.shape)} does not fit its input {list(x.shape)}")
    return _affine(call, kind, x, spread, first)


def _line(call: Call, kind: str, x: Tensor, number: float, first: bool) -> Tensor:
    """Scale and shift by single numbers."""
    if kind == "DIV" and number == 0:
        call.refuse("it divides by zero")
    sign = -1.0 if first else 1.0
    line = {"ADD": (1.0, number), "SUB": (sign, -sign * number), "MUL": (number, 0.0)}.get(kind)
    return call.layer(keras.layers.Rescaling(*(line or (1 / number, 0.0))), x)


def _affine(call: Call, kind: str, x: Tensor, spread: Array, first: bool) -> Tensor:
    """Scale or shift by a constant along some axes."""
    number = spread.astype(np.float32)
    if kind == "DIV" and not number.all():
        call.refuse("it divides by zero")
    if kind in ("MUL", "DIV"):
        layer, weights = scaled(x, number if kind == "MUL" else 1 / number)
    else:
        layer, weights = shifted(x, -number if kind == "SUB" and not first else number, _sign(kind, first))
    return call.layer(layer, x, weights=weights, sources=[call.source(0 if first else 1)])


def _sign(kind: str, first: bool) -> int:
    """Return -1 for `constant - x`."""
    return -1 if first and kind == "SUB" else 1


def _squared_difference(call: Call) -> list[Value]:
    difference = _tensors(call, "SUB", call.tensor(0), call.tensor(1))
    return [call.operation(ops.square, difference)]


def _add_n(call: Call) -> list[Value]:
    return [call.layer(keras.layers.Add(), [call.plain(place) for place in range(len(call.operator.inputs))])]


def _select(call: Call) -> list[Value]:
    """Choose between tensors; the indices of an embedding, which counts from the end for negative ones, stay."""
    source = call.value(2)
    if isinstance(source, Tensor) and "int" in str(source.keras.dtype):
        rows = _tables(call)
        if rows and _counts_from_end(call, rows):
            return [source]
    return [call.operation(ops.where, call.plain(0), call.plain(1), call.plain(2))]


def _tables(call: Call) -> set[int]:
    """Return how many rows the tables have that only what is chosen takes from; nothing if it is read elsewhere."""
    made, lite = call.operator.outputs[0], call.build.lite
    readers = [operator for operator in lite.operators if made in operator.inputs]
    held = [call.build.values.get(reader.inputs[0]) for reader in readers if reader.kind == "GATHER"]
    if made in lite.outputs or len(held) < len(readers):
        return set()
    return {len(table) if isinstance(table, np.ndarray) and table.ndim else 0 for table in held}


def _counts_from_end(call: Call, rows: set[int]) -> bool:
    """Tell whether it is `where(x < 0, x + rows, x)`, as TensorFlow takes numbers below zero (Keras's `take`)."""
    made_by = {made: one for one in call.build.lite.operators for made in one.outputs}
    test, moved, source = call.operator.inputs
    less, added = made_by.get(test), made_by.get(moved)
    if less is None or added is None or (less.kind, added.kind) != ("LESS", "ADD"):
        return False
    other = [index for index in added.inputs if index != source]
    if less.inputs[0] != source or source not in added.inputs or len(other) != 1:
        return False
    return _number(call, less.inputs[1]) == 0 and {_number(call, other[0])} == rows


def _number(call: Call, index: int) -> int | None:
    value = call.build.values.get(index)
    return int(value.reshape(())) if isinstance(value, np.ndarray) and value.size == 1 else None


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    **dict.fromkeys(FUNCTIONS, _binary),
    "SQUARED_DIFFERENCE": _squared_difference,
    "ADD_N": _add_n,
    "SELECT": _select,
    "SELECT_V2": _select,
}
