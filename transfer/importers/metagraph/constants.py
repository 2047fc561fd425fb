"""The value of a tensor that depends on constants alone, computed with numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tensorflow import as_dtype, make_ndarray

from transfer.importers.metagraph.graph import Graph, Node

Array = np.ndarray[Any, Any]
Values = Mapping[str, Array]

DEEPEST = 200  # a constant's formula is short; what is deeper is a net
LARGEST = 1 << 28  # numbers in one constant: 1 GB of float32

PASSED = frozenset({"Identity", "StopGradient", "Snapshot", "PlaceholderWithDefault", "Switch", "RefSwitch",
                    "ReadVariableOp", "EnsureShape", "CheckNumerics", "PreventGradient", "RefIdentity"})  # fmt: skip

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": lambda a, b: a // b if np.issubdtype(a.dtype, np.integer) else a / b,
    "FloorDiv": np.floor_divide,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Pow": np.power,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Reshape": lambda a, shape: a.reshape(tuple(shape)),
    "ExpandDims": lambda a, axis: np.expand_dims(a, int(axis)),
    "Transpose": lambda a, order: a.transpose(tuple(order)),
    "Fill": lambda dims, value: np.full(tuple(dims), value),
    "Tile": lambda a, times: np.tile(a, tuple(times)),
}

UNARY: dict[str, Callable[[Any], Any]] = {
    "LogicalNot": np.logical_not,
    "Neg": np.negative,
    "Exp": np.exp,
    "Sqrt": np.sqrt,
    "Square": np.square,
    "Rsqrt": lambda a: 1 / np.sqrt(a),
    "Reciprocal": lambda a: 1 / a,
    "Shape": lambda a: np.asarray(np.shape(a), np.int32),
    "ZerosLike": np.zeros_like,
    "OnesLike": np.ones_like,
}


def evaluate(graph: Graph, tensor: str, known: Values | None = None) -> Array | None:
    """Return a tensor's value, or None where it is not constant (or its formula is none that is known here).

    Args:
        graph: the graph.
        tensor: its name, `node:index`.
        known: values of some tensors, such as placeholders or variables.
    """
    return _Evaluation(graph, dict(known or {})).value(tensor, 0)


def scalar(graph: Graph, tensor: str, known: Values | None = None) -> float | None:
    """Return the value of a constant that holds one number, or None."""
    value = evaluate(graph, tensor, known)
    if value is None or value.size != 1 or value.dtype.kind not in "fiub":
        return None
    return float(value.reshape(()))


def whole(graph: Graph, tensor: str) -> tuple[int, ...] | None:
    """Return a constant list of whole numbers, such as axes or paddings, row by row; None where it is not one."""
    value = evaluate(graph, tensor)
    if value is None or value.dtype.kind not in "iu":
        return None
    return tuple(int(number) for number in value.reshape(-1))


class _Evaluation:
    """Values found so far; None marks a tensor that has none."""

    def __init__(self, graph: Graph, known: dict[str, Array]) -> None:
        self.graph = graph
        self.found: dict[str, Array | None] = dict(known)

    def value(self, tensor: str, depth: int) -> Array | None:
        if tensor not in self.found and tensor in self.graph and depth < DEEPEST:
            self.found[tensor] = None  # a loop has no value
            self.found[tensor] = self._compute(self.graph.maker(tensor), depth)
        return self.found.get(tensor)

    def _compute(self, node: Node, depth: int) -> Array | None:
        if node.op == "Const":
            return _constant(node)
        if node.op in PASSED and node.inputs:
            return self.value(node.inputs[0], depth + 1)
        values = [self.value(tensor, depth + 1) for tensor in node.inputs]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or not known:
            return None
        try:
            result = _apply(node, known)
        except (ValueError, TypeError, IndexError, OverflowError, MemoryError):
            return None  # a formula that TensorFlow would refuse too: not a constant
        return None if result is None else np.asarray(result)


def _constant(node: Node) -> Array | None:
    proto = node.attr["value"].tensor
    if math.prod(max(0, dim.size) for dim in proto.tensor_shape.dim) > LARGEST:
        return None
    try:
        return np.asarray(make_ndarray(proto))
    except (TypeError, ValueError):
        return None


def _apply(node: Node, values: list[Array]) -> Any:
    with np.errstate(all="ignore"):
        if node.op in BINARY and len(values) == 2:
            return BINARY[node.op](*values)
        if node.op in UNARY and len(values) == 1:
            return UNARY[node.op](values[0])
        return _several(node, values)


def _several(node: Node, values: list[Array]) -> Any:
    if node.op == "Cast":
        return values[0].astype(as_dtype(node.type("DstT")).as_numpy_dtype)
    if node.op == "Pack":
        axis = int(node.attr["axis"].i) if "axis" in node.attr else 0
        return np.stack(values, axis)
    if node.op == "ConcatV2":
        return np.concatenate(values[:-1], int(values[-1]))
    if node.op == "Prod":
        return np.prod(values[0], axis=tuple(values[1].reshape(-1)), keepdims=node.flag("keep_dims"))
    if node.op == "GatherV2":
        return np.take(values[0], values[1], int(values[2]))
    if node.op == "StridedSlice":
        return _sliced(node, *values)
    if node.op == "Squeeze":
        return np.squeeze(values[0], node.ints("squeeze_dims") or None)
    if node.op == "Range":
        return np.arange(*(number.item() for number in values), dtype=values[0].dtype)
    return None


def _sliced(node: Node, array: Array, begin: Array, end: Array, stride: Array) -> Any:
    """Slice a list, the only slice that a size needs: `x[a:b:c]` or `x[a]`."""
    if array.ndim != 1 or begin.size != 1:
        return None
    masks = {name: node.attr[f"{name}_mask"].i for name in ("begin", "end", "shrink_axis", "new_axis", "ellipsis")}
    if masks["new_axis"] or masks["ellipsis"]:
        return None
    if masks["shrink_axis"]:
        return array[int(begin[0])]
    start, stop = (None if masks[m] else int(v[0]) for m, v in (("begin", begin), ("end", end)))
    return array[start : stop : int(stride[0])]
