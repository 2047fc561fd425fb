"""Normalisation."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.lrn import lrn
from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, channels_last


def batch_normalization(call: Call) -> list[Tensor]:
    """Ioffe and Szegedy 2015, with the stored statistics; inputs x, scale, bias, mean, variance."""
    if call.integer("training_mode") or any(name in call.used for name in call.node.outputs[1:]):
        call.refuse("it is in training mode: its outputs depend on the other samples")
    if call.opset < 9 and not call.integer("spatial", 1):
        call.refuse("it normalises each position by itself (spatial=0)")
    x = call.tensor()
    layer = keras.layers.BatchNormalization(
        axis=x.axis(1), epsilon=call.real("epsilon", 1e-5), momentum=call.real("momentum", 0.9)
    )
    return [call.layer(layer, x, [call.weight(number) for number in (1, 2, 3, 4)], call.sources(1, 2, 3, 4))]


def instance_normalization(call: Call) -> list[Tensor]:
    """Ulyanov et al. 2016: group normalisation with a group a channel."""
    x = channels_last(call, call.tensor())
    layer = keras.layers.GroupNormalization(groups=-1, axis=-1, epsilon=call.real("epsilon", 1e-5))
    return [call.layer(layer, x, [call.weight(1), call.weight(2)], call.sources(1, 2))]


def group_normalization(call: Call) -> list[Tensor]:
    """Wu and He 2018; operator set 18 has scale and bias a group, 21 a channel."""
    x, groups = channels_last(call, call.tensor()), call.integer("num_groups")
    channels = x.keras.shape[-1] or 0
    if groups < 1 or channels % groups:
        call.refuse(f"it makes {groups} groups of {channels} channels")
    repeats = channels // groups if call.opset < 21 else 1
    weights = [np.repeat(call.weight(number), repeats) for number in (1, 2)]
    layer = keras.layers.GroupNormalization(groups=groups, axis=-1, epsilon=call.real("epsilon", 1e-5))
    return [call.layer(layer, x, weights, call.sources(1, 2))]


def layer_normalization(call: Call) -> list[Tensor]:
    """Ba et al. 2016, over all axes from `axis` on."""
    if any(name in call.used for name in call.node.outputs[1:]):
        call.refuse("its second and third output, mean and deviation, have no counterpart")
    x, rank = call.tensor(), len(call.tensor().order)
    first = call.integer("axis", -1) % rank
    axes = sorted(x.axis(axis) for axis in range(first, rank))
    if axes[0] == 0:
        call.refuse("it normalises over the samples")
    weights = [_turned(call, x, axes, number) for number in (1, 2) if call.given(number) is not None]
    layer = keras.layers.LayerNormalization(
        axis=axes if len(axes) > 1 else axes[0], epsilon=call.real("epsilon", 1e-5), center=len(weights) > 1
    )
    return [call.layer(layer, x, weights, call.sources(1, 2))]


def _turned(call: Call, x: Tensor, axes: list[int], number: int) -> NDArray[np.float32]:
    """Return scale or bias for the axes as Keras has them."""
    held = [x.order[axis] for axis in axes]
    shape = [x.shape[axis] for axis in sorted(held)]
    if None in shape:
        call.refuse(f"the axes that it normalises have open sizes: {list(x.shape)}")
    try:
        whole = np.broadcast_to(call.weight(number), [size or 0 for size in shape])
    except ValueError:
        call.refuse(f"its input {number} has the shape {list(call.weight(number).shape)}; expected {shape}")
    return np.ascontiguousarray(whole.transpose([sorted(held).index(axis) for axis in held]))


def local_response(call: Call) -> list[Tensor]:
    """Krizhevsky et al. 2012, section 3.3."""
    x = channels_last(call, call.tensor())
    if len(x.order) != 4:
        call.refuse(f"its input has {len(x.order)} axes; expected 4")
    size = call.integer("size")
    if not 0 < size <= 1 << 16:
        call.refuse(f"its size is {size}")
    numbers = {"alpha": call.real("alpha", 1e-4), "beta": call.real("beta", 0.75), "bias": call.real("bias", 1.0)}
    return [lrn(call.net, call.scope, x, size=size, **numbers)]


def dropout(call: Call) -> list[Tensor]:
    """Srivastava et al. 2014: nothing but in training."""
    training = call.optional(2)
    if training is not None and training.any():
        call.refuse("it is in training mode: it draws random numbers")
    if len(call.node.outputs) > 1 and call.node.outputs[1] in call.used:
        call.refuse("its second output, the mask, has no counterpart")
    given = call.optional(1)
    rate = call.real("ratio", 0.5) if given is None else float(given.reshape(()))
    return [call.layer(keras.layers.Dropout(rate), call.tensor()) if 0 < rate < 1 else call.tensor()]
