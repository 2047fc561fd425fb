"""Activations, as layers and as the end of other layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step

# Keras's function: the operator and its attributes.
PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}), "sigmoid": ("Sigmoid", {}), "tanh": ("Tanh", {}), "elu": ("Elu", {}),
    "selu": ("Selu", {}), "softplus": ("Softplus", {}), "softsign": ("Softsign", {}), "exponential": ("Exp", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}), "hard_silu": ("HardSwish", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}  # fmt: skip


def activated(step: Step, value: Value, function: Any, part: str = "activation") -> Value:
    """Apply one of Keras's activation functions; `part` is empty where it is the layer itself."""
    name = getattr(function, "__name__", str(function))
    if function is None or name == "linear":
        return value
    if getattr(keras.activations, name, None) is not function:
        step.refuse(f"its activation is {name}, and none of Keras's own")
    if name in PLAIN:
        op, attributes = PLAIN[name]
        return step.add(op, [value], value.rank, part, value.first, **attributes)
    if name in ("softmax", "log_softmax"):
        op = "Softmax" if name == "softmax" else "LogSoftmax"
        return step.add(op, [value], value.rank, part, value.first, axis=value.axis(-1))
    if name in COMPOSED:
        return COMPOSED[name](step, value, part)
    return step.refuse(f"its activation is {name}")


def _silu(step: Step, value: Value, part: str) -> Value:
    gate = step.add("Sigmoid", [value], value.rank, f"{part}/sigmoid".strip("/"), value.first)
    return step.add("Mul", [value, gate], value.rank, part, value.first)


def _mish(step: Step, value: Value, part: str) -> Value:
    soft = step.add("Softplus", [value], value.rank, f"{part}/softplus".strip("/"), value.first)
    gate = step.add("Tanh", [soft], value.rank, f"{part}/tanh".strip("/"), value.first)
    return step.add("Mul", [value, gate], value.rank, part, value.first)


def _gelu(step: Step, value: Value, part: str) -> Value:
    """Hendrycks and Gimpel 2016: x (1 + erf(x / sqrt 2)) / 2; the operator Gelu is newer than set 17."""

    def add(op: str, inputs: list[Any], name: str) -> Value:
        return step.add(op, inputs, value.rank, f"{part}/{name}".strip("/"), value.first)

    scaled = add("Div", [value, step.weight("sqrt2", math.sqrt(2))], "scaled")
    risen = add("Add", [add("Erf", [scaled], "erf"), step.weight("one", 1)], "risen")
    product = add("Mul", [value, risen], "product")
    return step.add("Mul", [product, step.weight("half", 0.5)], value.rank, part, value.first)


def _relu6(step: Step, value: Value, part: str) -> Value:
    return clipped(step, value, 0.0, 6.0, part)


COMPOSED: Mapping[str, Callable[[Step, Value, str], Value]] = {
    "silu": _silu, "mish": _mish, "gelu": _gelu, "relu6": _relu6,
}  # fmt: skip


def clipped(step: Step, value: Value, low: float, high: float, part: str = "") -> Value:
    """Bound a tensor."""
    bounds = [step.weight("min", low), step.weight("max", high)]
    return step.add("Clip", [value, *bounds], value.rank, part, value.first)


def _relu(step: Step) -> Value:
    layer, value = step.layer, step.inputs[0]
    slope = float(layer.negative_slope or 0)
    step.need(threshold=0.0)
    if layer.max_value is not None:
        if slope:
            step.refuse("it has both a slope and a largest value")
        return clipped(step, value, 0.0, float(layer.max_value))
    if slope:
        return step.add("LeakyRelu", [value], value.rank, first=value.first, alpha=slope)
    return step.add("Relu", [value], value.rank, first=value.first)


def _with_alpha(op: str, attribute: str) -> Callable[[Step], Value]:
    def write(step: Step) -> Value:
        value = step.inputs[0]
        alpha = float(getattr(step.layer, attribute))
        return step.add(op, [value], value.rank, first=value.first, alpha=alpha)

    return write


def _prelu(step: Step) -> Value:
    value, slopes = step.inputs[0], step.array("alpha")
    if value.first:
        slopes = np.moveaxis(slopes, -1, 0)
    return step.add("PRelu", [value, step.weight("alpha", slopes)], value.rank, first=value.first)


def _softmax(step: Step) -> Value:
    value, axis = step.inputs[0], step.layer.axis
    if not isinstance(axis, int):
        step.refuse(f"its axis is {axis}; expected one")
    return step.add("Softmax", [value], value.rank, first=value.first, axis=value.axis(axis))


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    "Activation": lambda step: activated(step, step.inputs[0], step.layer.activation, ""),
    "ReLU": _relu,
    "LeakyReLU": _with_alpha("LeakyRelu", "negative_slope"),
    "ELU": _with_alpha("Elu", "alpha"),
    "PReLU": _prelu,
    "Softmax": _softmax,
}
