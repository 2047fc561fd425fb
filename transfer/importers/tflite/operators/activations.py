"""Functions of single numbers, and softmax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from transfer.importers.native import Tensor
from transfer.importers.tflite.call import Call
from transfer.importers.tflite.values import Value

ops = keras.ops


def _named(name: str) -> Callable[[Call], list[Value]]:
    return lambda call: [call.layer(keras.layers.Activation(name), call.tensor())]


def _done(operation: Callable[[Any], Any]) -> Callable[[Call], list[Value]]:
    def convert(call: Call) -> list[Value]:
        value = call.value(0)
        if isinstance(value, np.ndarray):
            return [np.asarray(operation(value))]
        return [call.operation(operation, call.tensor())]

    return convert


def _softmax(call: Call) -> list[Value]:
    beta, x = call.options()["beta"], call.plain()
    if not np.isfinite(beta):
        call.refuse(f"its beta is {beta}")
    if beta != 1:
        x = call.layer(keras.layers.Rescaling(beta), x)
    return [call.layer(keras.layers.Softmax(), x)]


def _leaky(call: Call) -> list[Value]:
    alpha = call.options()["alpha"]
    if not np.isfinite(alpha) or alpha < 0:
        call.refuse(f"its slope is {alpha}")
    return [call.layer(keras.layers.LeakyReLU(alpha), call.tensor())]


def _prelu(call: Call) -> list[Value]:
    x, slope = call.plain(), call.array(1)
    if slope.ndim > len(x.shape) or (slope.ndim == len(x.shape) and slope.shape[0] != 1):
        call.refuse(f"its slopes have the shape {list(slope.shape)}")
    slope = slope.reshape((1,) * (len(x.shape) - slope.ndim) + slope.shape)[0]
    shared = [axis for axis in range(1, len(x.shape)) if slope.shape[axis - 1] == 1]
    layer = keras.layers.PReLU(shared_axes=shared)
    return [call.layer(layer, x, weights=[slope], sources=[call.source(1)])]


def _gelu(call: Call) -> list[Value]:
    if call.options()["approximate"]:
        return [call.operation(lambda x: ops.gelu(x, approximate=True), call.tensor())]
    return [call.layer(keras.layers.Activation("gelu"), call.tensor())]


def _same(call: Call) -> list[Value]:
    """Pass on what is only stored otherwise; activations stay real numbers."""
    index = call.operator.outputs[0]
    call.build.names[index] = call.source(0)
    value = call.value(0)
    return [value if isinstance(value, Tensor | np.ndarray) else call.tensor()]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "RELU": lambda call: [call.layer(keras.layers.ReLU(), call.tensor())],
    "RELU6": lambda call: [call.layer(keras.layers.ReLU(6.0), call.tensor())],
    "RELU_N1_TO_1": _done(lambda x: ops.clip(x, -1.0, 1.0)),
    "RELU_0_TO_1": _done(lambda x: ops.clip(x, 0.0, 1.0)),
    "ELU": _named("elu"),
    "LOGISTIC": _named("sigmoid"),
    "TANH": _named("tanh"),
    "HARD_SWISH": _named("hard_silu"),
    "LOG_SOFTMAX": _named("log_softmax"),
    "SOFTMAX": _softmax,
    "LEAKY_RELU": _leaky,
    "PRELU": _prelu,
    "GELU": _gelu,
    "ABS": _done(ops.abs),
    "CEIL": _done(ops.ceil),
    "COS": _done(ops.cos),
    "EXP": _done(ops.exp),
    "FLOOR": _done(ops.floor),
    "LOG": _done(ops.log),
    "NEG": _done(ops.negative),
    "RSQRT": _done(ops.rsqrt),
    "SIGN": _done(ops.sign),
    "SIN": _done(ops.sin),
    "SQRT": _done(ops.sqrt),
    "SQUARE": _done(ops.square),
    "L2_NORMALIZATION": lambda call: [call.layer(keras.layers.UnitNormalization(axis=-1), call.plain())],
    "DEQUANTIZE": _same,
    "DENSIFY": _same,
    "QUANTIZE": _same,
}
