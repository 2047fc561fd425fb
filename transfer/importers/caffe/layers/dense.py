"""InnerProduct (Caffe `inner_product_layer.cpp`)."""

from __future__ import annotations

import math

import keras
import numpy as np

from transfer.importers.caffe.layers.shaping import flattened
from transfer.importers.caffe.part import Part
from transfer.importers.native import CHANNELS_LAST, Tensor, identity


def inner_product(part: Part) -> tuple[Tensor, ...]:
    """Build a Dense layer; the rows of its kernel follow the axes as they lie in Keras, not in Caffe."""
    x, param = part.x, part.layer.inner_product_param
    axis = part.axis(param.axis)
    inner = [int(size or 0) for size in x.shape[axis:]]
    rows, out = math.prod(inner), param.num_output
    if out < 1:
        raise part.refusal("has no outputs")
    shape = (rows, out) if param.transpose else (out, rows)
    kernel, *bias = part.arrays(shape, *([(out,)] if param.bias_term else []))
    kernel = kernel if param.transpose else kernel.T
    if axis == 1 and x.order == CHANNELS_LAST.get(len(x.shape)):
        order = [place - 1 for place in x.order[1:]]
        kernel = kernel.reshape(*inner, out).transpose(*order, len(inner)).reshape(rows, out)
        x = part.net.layer(f"{part.scope}/flatten", keras.layers.Flatten(), x, order=identity(2))
    elif len(inner) > 1:
        x = flattened(part.net, f"{part.scope}/flatten", x, axis, len(x.shape) - 1)
    else:
        x = part.net.plain(x)
    layer = keras.layers.Dense(out, use_bias=param.bias_term)
    weights = [np.asarray(kernel), *bias]
    return (part.net.layer(part.scope, layer, x, weights=weights, sources=part.sources),)
