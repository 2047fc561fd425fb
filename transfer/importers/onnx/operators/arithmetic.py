"""Sums, products and comparisons of tensors, and of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.elementwise import scaled, shifted
from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, Value
from transfer.importers.onnx.known import Known

SMALL = 1 << 16  # numbers that an operation's description may hold
MERGES: dict[str, Callable[[], Any]] = {
    "Add": keras.layers.Add,
    "Sum": keras.layers.Add,
    "Sub": keras.layers.Subtract,
    "Mul": keras.layers.Multiply,
    "Max": keras.layers.Maximum,
    "Min": keras.layers.Minimum,
    "Mean": keras.layers.Average,
}
OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": keras.ops.add,
    "Sub": keras.ops.subtract,
    "Mul": keras.ops.multiply,
    "Div": keras.ops.divide,
    "Max": keras.ops.maximum,
    "Min": keras.ops.minimum,
    "Pow": keras.ops.power,
    "Mod": keras.ops.mod,
    "Equal": keras.ops.equal,
    "Greater": keras.ops.greater,
    "GreaterOrEqual": keras.ops.greater_equal,
    "Less": keras.ops.less,
    "LessOrEqual": keras.ops.less_equal,
    "And": keras.ops.logical_and,
    "Or": keras.ops.logical_or,
}


def binary(call: Call) -> list[Tensor]:
    """Two or more tensors, or one and a constant."""
    values = list(call.inputs)
    if len(values) == 1:
        return [call.tensor()]
    _check_whole(call, values)
    if not any(isinstance(value, Known) for value in values):
        return [_merged(call)]
    if len(values) > 2:
        call.refuse("it has more than two inputs, of which some are constants")
    first = isinstance(values[0], Known)
    return [_with_constant(call, call.tensor(1 if first else 0), call.array(0 if first else 1), first)]


def _check_whole(call: Call, values: Sequence[Value]) -> None:
    """Refuse what ONNX computes with whole numbers, or with their rules, unlike Keras."""
    op, whole = call.node.op, [_is_whole(value) for value in values]
    if op == "Div" and any(whole):
        call.refuse("it divides whole numbers and rounds towards zero, which no Keras layer does")
    if op == "Pow" and whole[0] and not all(whole):
        call.refuse("it raises whole numbers to powers that are none, and rounds them")
    if op == "Mod" and call.integer("fmod"):
        call.refuse("its fmod is 1: the remainder has the sign of what is divided, which no Keras layer computes")


def _is_whole(value: Value) -> bool:
    if isinstance(value, Tensor):
        return not _floats(value)
    return isinstance(value, Known) and value.worlds[0].dtype.kind in "iu"


def _merged(call: Call) -> Tensor:
    tensors = call.tensors()
    op = call.node.op
    if op in MERGES and all(map(_floats, tensors)) and (op != "Sub" or len(tensors) == 2):
        return call.layer(MERGES[op](), tensors)
    if op not in OPERATIONS or len(tensors) != 2:
        call.refuse(f"it has {len(tensors)} inputs")
    return call.operation(OPERATIONS[op], *tensors)


def _floats(tensor: Tensor) -> bool:
    return str(tensor.keras.dtype).startswith("float")


def _with_constant(call: Call, x: Tensor, array: NDArray[Any], first: bool) -> Tensor:
    """Compute with a constant, which comes first in a difference, a quotient or a power where `first` says so."""
    op = call.node.op
    if array.size == 1 and array.ndim <= len(x.order) and _floats(x):
        simple = _with_number(call, x, float(array.reshape(())), first)
        if simple is not None:
            return simple
    spread = _spread(call, x, array)
    linear = op in ("Add", "Sub", "Mul") or (op == "Div" and not first)
    if linear and array.size > 1 and _floats(x) and _within(x, spread):
        return _affine(call, x, spread.astype(np.float32), first)
    if array.size > SMALL:
        call.refuse(f"its constant has {array.size} numbers; a layer with weights takes them for + - * / only")
    held = spread if not _floats(x) else spread.astype(np.float32)
    return call.operation((lambda t: OPERATIONS[op](held, t)) if first else (lambda t: OPERATIONS[op](t, held)), x)


def _with_number(call: Call, x: Tensor, number: float, first: bool) -> Tensor | None:
    """Compute with one number for all, None where only an operation can."""
    op = call.node.op
    lines = {"Add": (1.0, number), "Sub": (-1.0, number) if first else (1.0, -number), "Mul": (number, 0.0)}
    if op == "Div" and not first and number:
        lines["Div"] = (1 / number, 0.0)
    if op in lines:
        return x if lines[op] == (1.0, 0.0) else call.layer(keras.layers.Rescaling(*lines[op]), x)
    if (op, number) == ("Max", 0.0):
        return call.layer(keras.layers.ReLU(), x)
    if (op, number) in (("Max", -np.inf), ("Min", np.inf), ("Pow", 1.0)) and not (op == "Pow" and first):
        return x
    if (op, number, first) == ("Pow", 2.0, False):
        return call.layer(keras.layers.Multiply(), [x, x])
    return None


def _spread(call: Call, x: Tensor, array: NDArray[Any]) -> NDArray[Any]:
    """Return a constant with as many axes as a tensor, in the tensor's order."""
    rank = len(x.order)
    if array.ndim > rank:
        call.refuse(f"its constant has {array.ndim} axes, its input {rank}")
    whole = array.reshape((1,) * (rank - array.ndim) + array.shape).transpose(x.order)
    if whole.shape[0] != 1:
        call.refuse(f"its constant of shape {list(array.shape)} differs from sample to sample")
    return whole


def _within(x: Tensor, spread: NDArray[Any]) -> bool:
    """Tell whether a constant has nothing but sizes of the tensor and ones."""
    return all(size in (1, own) for size, own in zip(spread.shape[1:], x.keras.shape[1:], strict=True))


def _affine(call: Call, x: Tensor, spread: NDArray[np.float32], first: bool) -> Tensor:
    """Scale or shift by a constant that varies along some axes."""
    op = call.node.op
    if op in ("Mul", "Div"):
        layer, weights = scaled(x, spread if op == "Mul" else 1 / spread)
    else:
        reverse = first and op == "Sub"
        layer, weights = shifted(x, spread if op == "Add" or first else -spread, -1 if reverse else 1)
    return call.layer(layer, x, weights, call.sources(0, 1))


def where(call: Call) -> list[Tensor]:
    """One tensor or number where a condition holds, another where it does not."""
    found = [value for value in call.inputs if isinstance(value, Tensor)]
    shape = found[0].order
    parts: list[Any] = []
    for number, value in enumerate(call.inputs):
        if isinstance(value, Tensor):
            parts.append(call.net.arranged(value, shape) if len(value.order) == len(shape) else call.tensors()[0])
        else:
            held = _spread(call, found[0], call.array(number))
            if held.size > SMALL:
                call.refuse(f"its constant has {held.size} numbers; at most {SMALL} can be kept without weights")
            parts.append(held)
    tensors = [part for part in parts if isinstance(part, Tensor)]

    def choose(*given: Any) -> Any:
        taken = iter(given)
        return keras.ops.where(*(next(taken) if isinstance(part, Tensor) else part for part in parts))

    return [call.operation(choose, *tensors)]


def logical_not(call: Call) -> list[Tensor]:
    """True where its input is false."""
    return [call.operation(keras.ops.logical_not, call.tensor())]
