"""Operations that compute each number from the numbers in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.use import Use

Rule = Callable[[Use], list[Value]]
# Keras's class: the operator and which of the operation's options are its attributes.
UNARY: dict[str, tuple[str, dict[str, str]]] = {
    **{name: (name, {}) for name in (
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sign", "Sin",
        "Softplus", "Softsign", "Sqrt", "Tan", "Tanh",
    )},
    "Absolute": ("Abs", {}),
    "Negative": ("Neg", {}),
    "Celu": ("Celu", {"alpha": "alpha"}),
    "Elu": ("Elu", {"alpha": "alpha"}),
    "LeakyRelu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "LogicalNot": ("Not", {}),
}  # fmt: skip
ARITHMETIC = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div", "Power": "Pow",
    "Maximum": "Max", "Minimum": "Min", "LogicalAnd": "And", "LogicalOr": "Or", "LogicalXor": "Xor",
}  # fmt: skip
COMPARISONS = {
    "Equal": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual", "Less": "Less",
    "LessEqual": "LessOrEqual",
}  # fmt: skip


def _unary(op: str, attributes: Mapping[str, str]) -> Rule:
    def write(use: Use) -> list[Value]:
        options: dict[str, Any] = {name: float(getattr(use.option, own)) for name, own in attributes.items()}
        return [_on(op, use, _one(use), **options)]

    return write


def _one(use: Use) -> Value:
    """Return the only argument, in the type of what comes out."""
    (value,) = use.tensors(use.dtype)
    return value if isinstance(value, Value) else use.step.refuse("it reads a constant")


def _on(op: str, use: Use, value: Value, part: str = "", *others: Any, **attributes: Any) -> Value:
    return use.add(op, [value, *others], part, value.first, **attributes)


def _together(use: Use, op: str, dtype: str, part: str = "") -> Value:
    values = use.tensors(dtype)
    first = next(value.first for value in values if isinstance(value, Value))
    return use.add(op, values, part, first)


def _arithmetic(op: str) -> Rule:
    return lambda use: [_together(use, op, use.dtype)]


def _comparison(op: str) -> Rule:
    return lambda use: [_together(use, op, use.common())]


def _unequal(use: Use) -> list[Value]:
    same = _together(use, "Equal", use.common(), "equal")
    return [_on("Not", use, same)]


def _square(use: Use) -> list[Value]:
    value = _one(use)
    return [_on("Mul", use, value, "", value)]


def _rsqrt(use: Use) -> list[Value]:
    return [_on("Reciprocal", use, _on("Sqrt", use, _one(use), "root"))]


def _clip(use: Use) -> list[Value]:
    bounds = [_number(use, name, getattr(use.option, name)) for name in ("x_min", "x_max")]
    return [_on("Clip", use, _one(use), "", *bounds)]


def _mod(use: Use) -> list[Value]:
    """The remainder has the divisor's sign: x - y floor(x / y); of whole numbers ONNX has it."""
    if use.dtype.startswith("int"):
        return [_together(use, "Mod", use.dtype)]
    dividend, divisor = use.tensors(use.dtype)
    quotient = _together(use, "Div", use.dtype, "quotient")
    whole = _on("Mul", use, _on("Floor", use, quotient, "floor"), "whole", divisor)
    return [use.add("Sub", [dividend, whole], "", whole.first)]


def _where(use: Use) -> list[Value]:
    keep = len({one.value.first for one in use.arguments.values() if hasattr(one, "value")}) == 1 and all(
        hasattr(one, "value") and one.value.rank == use.rank for one in use.arguments.values()
    )
    kinds = {"condition": "bool"}
    given = [use.operand(name, kinds.get(name, use.dtype), keep) for name in use.arguments]
    if len(given) != 3:
        use.step.refuse("it has a condition alone")
    first = next(value.first for value in given if isinstance(value, Value))
    return [use.add("Where", given, "", first)]


def _gelu(use: Use) -> list[Value]:
    """Hendrycks and Gimpel 2016: x (1 + erf(x / sqrt 2)) / 2, or with tanh(sqrt(2 / pi) (x + 0.044715 x^3))."""
    x = _one(use)
    if use.option.approximate:
        cube = _on("Pow", use, x, "cube", _number(use, "three", 3.0))
        small = _on("Mul", use, cube, "small", _number(use, "factor", 0.044715))
        line = _on("Mul", use, _on("Add", use, x, "sum", small), "line", _number(use, "scale", math.sqrt(2 / math.pi)))
        bent = _on("Tanh", use, line, "tanh")
    else:
        bent = _on("Erf", use, _on("Mul", use, x, "line", _number(use, "scale", 1 / math.sqrt(2))), "erf")
    risen = _on("Mul", use, x, "product", _on("Add", use, bent, "risen", _number(use, "one", 1.0)))
    return [_on("Mul", use, risen, "", _number(use, "half", 0.5))]


def _silu(use: Use) -> list[Value]:
    x = _one(use)
    return [_on("Mul", use, x, "", _on("Sigmoid", use, x, "sigmoid"))]


def _softmax(op: str) -> Rule:
    def write(use: Use) -> list[Value]:
        axis, x = use.option.axis, _one(use)
        if not isinstance(axis, int):
            use.step.refuse(f"its axis is {axis}; expected one")
        return [_on(op, use, x, axis=x.axis(axis))]

    return write


def _number(use: Use, name: str, value: Any) -> str:
    return use.step.writer.weight(f"{use.step.scope}/{name}", np.asarray(value, use.dtype))


OPERATIONS: Mapping[str, Rule] = {
    **{name: _unary(*rule) for name, rule in UNARY.items()},
    **{name: _arithmetic(op) for name, op in ARITHMETIC.items()},
    **{name: _comparison(op) for name, op in COMPARISONS.items()},
    "Clip": _clip,
    "Gelu": _gelu,
    "LogSoftmax": _softmax("LogSoftmax"),
    "Mod": _mod,
    "NotEqual": _unequal,
    "Rsqrt": _rsqrt,
    "Silu": _silu,
    "Softmax": _softmax("Softmax"),
    "Square": _square,
    "Where": _where,
}
