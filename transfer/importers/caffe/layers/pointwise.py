"""Layers that take each number by itself, Dropout and Softmax (Caffe's files of the same names).

`Exp`, `Log` and `Power` are `base ** (shift + scale * x)`, `log_base(shift + scale * x)` and
`(shift + scale * x) ** power`; a base of -1 stands for e.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras

from transfer.importers.caffe.part import Part
from transfer.importers.native import Tensor


def activation(name: str) -> Callable[[Part], tuple[Tensor, ...]]:
    """Return the builder of one of Keras's activations."""
    return lambda part: _layer(part, keras.layers.Activation(name))


def relu(part: Part) -> tuple[Tensor, ...]:
    """Build a ReLU, or a LeakyReLU where negative numbers are not cut off."""
    slope = part.layer.relu_param.negative_slope
    return _layer(part, keras.layers.LeakyReLU(negative_slope=slope) if slope else keras.layers.ReLU())


def prelu(part: Part) -> tuple[Tensor, ...]:
    """Build a PReLU with a slope for each channel, or one for all."""
    x, shared = part.x, part.layer.prelu_param.channel_shared
    (slopes,) = part.arrays(() if shared else (part.channels,))
    shape = [1] * (len(x.shape) - 1)
    shape[x.axis(1) - 1] = slopes.size
    others = [axis for axis in range(1, len(x.shape)) if shared or axis != x.axis(1)]
    layer = keras.layers.PReLU(shared_axes=others or None)
    return _layer(part, layer, weights=[slopes.reshape(shape)], sources=part.sources)


def elu(part: Part) -> tuple[Tensor, ...]:
    """Build an ELU."""
    return _layer(part, keras.layers.ELU(part.layer.elu_param.alpha))


def absolute(part: Part) -> tuple[Tensor, ...]:
    """Take the absolute value."""
    return (part.net.operation(part.scope, keras.ops.absolute, part.x),)


def power(part: Part) -> tuple[Tensor, ...]:
    """Raise a linear function of the input to a power."""
    param = part.layer.power_param
    exponent = param.power
    if exponent == 1:
        return _layer(part, keras.layers.Rescaling(param.scale, param.shift))
    x = _linear(part, param.scale, param.shift)
    return (part.net.operation(part.scope, lambda tensor: keras.ops.power(tensor, exponent), x),)


def exponential(part: Part) -> tuple[Tensor, ...]:
    """Raise a base to a linear function of the input."""
    param = part.layer.exp_param
    natural = _natural(part, param.base)
    x = _linear(part, natural * param.scale, natural * param.shift)
    return (part.net.layer(part.scope, keras.layers.Activation("exponential"), x),)


def logarithm(part: Part) -> tuple[Tensor, ...]:
    """Take the logarithm of a linear function of the input."""
    param = part.layer.log_param
    natural = _natural(part, param.base)
    x = _linear(part, param.scale, param.shift)
    if natural == 1:
        return (part.net.operation(part.scope, keras.ops.log, x),)
    whole = part.net.operation(f"{part.scope}/natural", keras.ops.log, x)
    return (part.net.layer(part.scope, keras.layers.Rescaling(1 / natural), whole),)


def dropout(part: Part) -> tuple[Tensor, ...]:
    """Build a Dropout; without `scale_train` Caffe scales at test time instead of while it trains."""
    param = part.layer.dropout_param
    ratio = param.dropout_ratio
    if not 0 <= ratio < 1:
        raise part.refusal(f"has the dropout_ratio {ratio:g}; expected at least 0 and less than 1")
    layer = keras.layers.Dropout(ratio)
    if param.scale_train:
        return _layer(part, layer)
    dropped = part.net.layer(f"{part.scope}/drop", layer, part.x)
    return (part.net.layer(part.scope, keras.layers.Rescaling(1 - ratio), dropped),)


def softmax(part: Part) -> tuple[Tensor, ...]:
    """Build a Softmax over one axis."""
    axis = part.axis(part.layer.softmax_param.axis)
    return _layer(part, keras.layers.Softmax(axis=part.x.axis(axis)))


def _layer(part: Part, layer: Any, **weights: Any) -> tuple[Tensor, ...]:
    return (part.net.layer(part.scope, layer, part.x, **weights),)


def _linear(part: Part, factor: float, shift: float) -> Tensor:
    if factor == 1 and shift == 0:
        return part.x
    return part.net.layer(f"{part.scope}/linear", keras.layers.Rescaling(factor, shift), part.x)


def _natural(part: Part, base: float) -> float:
    if base != -1 and (base <= 0 or base == 1):
        raise part.refusal(f"has the base {base:g}; expected -1, for e, or a number above 0 and not 1")
    return 1.0 if base == -1 else math.log(base)
