"""Operators that change each number by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call

SELU = (1.67326319217681884765625, 1.05070102214813232421875)  # alpha and gamma that ONNX has by default


def _activation(name: str) -> Callable[[Call], list[Tensor]]:
    return lambda call: [call.layer(keras.layers.Activation(name), call.tensor())]


def _operation(operation: Callable[..., Any]) -> Callable[[Call], list[Tensor]]:
    return lambda call: [call.operation(operation, call.tensor())]


def relu(call: Call) -> list[Tensor]:
    """max(x, 0)."""
    return [call.layer(keras.layers.ReLU(), call.tensor())]


def leaky_relu(call: Call) -> list[Tensor]:
    """X, or alpha x where x is negative."""
    return [call.layer(keras.layers.LeakyReLU(negative_slope=call.real("alpha", 0.01)), call.tensor())]


def elu(call: Call) -> list[Tensor]:
    """X, or alpha (exp(x) - 1) where x is negative."""
    return [call.layer(keras.layers.ELU(alpha=call.real("alpha", 1.0)), call.tensor())]


def celu(call: Call) -> list[Tensor]:
    """X, or alpha (exp(x / alpha) - 1) where x is negative."""
    alpha = call.real("alpha", 1.0)
    return [call.operation(lambda x: keras.ops.celu(x, alpha), call.tensor())]


def selu(call: Call) -> list[Tensor]:
    """Klambauer et al. 2017, with their constants only."""
    given = call.real("alpha", SELU[0]), call.real("gamma", SELU[1])
    if not np.allclose(given, SELU, rtol=1e-5):
        call.refuse(f"alpha and gamma are {given[0]:g} and {given[1]:g}; Keras has {SELU[0]:g} and {SELU[1]:g}")
    return _activation("selu")(call)


def hard_sigmoid(call: Call) -> list[Tensor]:
    """max(0, min(1, alpha x + beta)), as a scaling and a bounded rectifier."""
    line = keras.layers.Rescaling(call.real("alpha", 0.2), call.real("beta", 0.5))
    return [call.layer(keras.layers.ReLU(max_value=1.0), call.layer(line, call.tensor(), part="line"))]


def gelu(call: Call) -> list[Tensor]:
    """Hendrycks and Gimpel 2016, exactly or by tanh."""
    if call.text("approximate", "none") == "tanh":
        return [call.operation(lambda x: keras.ops.gelu(x, approximate=True), call.tensor())]
    return [call.operation(lambda x: keras.ops.gelu(x, approximate=False), call.tensor())]


def prelu(call: Call) -> list[Tensor]:
    """X, or a learned slope times x where x is negative; axes over which the slope does not vary are shared."""
    x, slope = call.tensor(), call.weight(1)
    rank = len(x.order)
    if slope.ndim > rank:
        call.refuse(f"its slope has {slope.ndim} axes, its input {rank}")
    shape = (1,) * (rank - slope.ndim) + slope.shape
    turned = slope.reshape(shape).transpose(x.order)
    if turned.shape[0] != 1:
        call.refuse("its slope differs from sample to sample")
    shared = [axis for axis in range(1, rank) if turned.shape[axis] == 1]
    return [call.layer(keras.layers.PReLU(shared_axes=shared or None), x, [turned[0]], call.sources(1))]


def clip(call: Call) -> list[Tensor]:
    """Bounds by attributes before operator set 11, by inputs after."""
    low, high = (_bound(call, number, name) for number, name in ((1, "min"), (2, "max")))
    x = call.tensor()
    if low is None and high is None:
        return [x]
    if low == 0:
        return [call.layer(keras.layers.ReLU(max_value=high), x)]
    bounds = (-np.inf if low is None else low, np.inf if high is None else high)
    if high is None:
        return [call.operation(lambda t: keras.ops.maximum(t, bounds[0]), x)]
    if low is None:
        return [call.operation(lambda t: keras.ops.minimum(t, bounds[1]), x)]
    return [call.operation(lambda t: keras.ops.clip(t, *bounds), x)]


def _bound(call: Call, number: int, name: str) -> float | None:
    value = call.optional(number) if call.opset >= 11 else call.node.attributes.get(name)
    if value is None or (isinstance(value, np.ndarray) and value.size != 1):
        return None
    found = float(np.asarray(value).reshape(()))
    return found if np.isfinite(found) and abs(found) < 3.4e38 else None


def softmax(call: Call) -> list[Tensor]:
    """Over one axis; before operator set 13 over all axes from `axis` on."""
    axes = softmax_axes(call)
    return [call.layer(keras.layers.Softmax(axis=axes[0] if len(axes) == 1 else axes), call.tensor())]


def log_softmax(call: Call) -> list[Tensor]:
    """The logarithm of softmax, over one axis."""
    axes = softmax_axes(call)
    if len(axes) > 1:
        call.refuse(f"it runs over {len(axes)} axes, which Keras's does not")
    return [call.operation(lambda x: keras.ops.log_softmax(x, axis=axes[0]), call.tensor())]


def softmax_axes(call: Call) -> list[int]:
    """Return the Keras axes that softmax runs over, without those of size 1 where any other is left."""
    x = call.tensor()
    rank = len(x.order)
    axis = call.integer("axis", 1 if call.opset < 13 else -1)
    if not -rank <= axis < rank:
        call.refuse(f"its axis is {axis}, its input has {rank}")
    axis %= rank
    axes = [axis] if call.opset >= 13 else list(range(axis, rank))
    found = sorted(x.axis(one) for one in axes)
    if found[0] == 0:
        call.refuse("it runs over the samples")
    return [one for one in found if x.keras.shape[one] != 1] or found[:1]


ACTIVATIONS: dict[str, Callable[[Call], list[Tensor]]] = {
    "Abs": _operation(keras.ops.abs),
    "Ceil": _operation(keras.ops.ceil),
    "Celu": celu,
    "Clip": clip,
    "Cos": _operation(keras.ops.cos),
    "Elu": elu,
    "Erf": _operation(keras.ops.erf),
    "Exp": _activation("exponential"),
    "Floor": _operation(keras.ops.floor),
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": _activation("hard_silu"),
    "LeakyRelu": leaky_relu,
    "Log": _operation(keras.ops.log),
    "LogSoftmax": log_softmax,
    "Mish": _activation("mish"),
    "Neg": lambda call: [call.layer(keras.layers.Rescaling(-1.0), call.tensor())],
    "PRelu": prelu,
    "Reciprocal": _operation(keras.ops.reciprocal),
    "Relu": relu,
    "Selu": selu,
    "Sigmoid": _activation("sigmoid"),
    "Sin": _operation(keras.ops.sin),
    "Softmax": softmax,
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "Sqrt": _operation(keras.ops.sqrt),
    "Tanh": _activation("tanh"),
}
