"""BatchNorm, Scale, Bias and LRN (Caffe's `batch_norm_layer.cpp` and the like)."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.caffe.part import Part, fitted
from transfer.importers.lrn import lrn
from transfer.importers.native import Tensor

ACROSS = 0  # NormRegion in the schema
Array = NDArray[np.float32]


def batch_norm(part: Part) -> tuple[Tensor, ...]:
    """Build a BatchNormalization: `(x - mean) / sqrt(variance + eps)`, then times gamma plus beta of a merged Scale.

    The file holds sums, and in its third array what to divide them by; 0 there means that nothing was counted.
    """
    param, size = part.layer.batch_norm_param, (part.channels,)
    if param.HasField("use_global_stats") and not param.use_global_stats:
        raise part.refusal(
            "normalises by each batch's own statistics, also at test time",
            "state `use_global_stats: true` in its batch_norm_param, if the caffemodel's statistics are meant",
        )
    mean, variance, counted = part.arrays(size, size, (1,))
    factor = np.float32(0 if counted[0] == 0 else 1 / counted[0])
    gammas, sources = _merged(part)
    layer = keras.layers.BatchNormalization(
        axis=part.x.axis(1),
        momentum=param.moving_average_fraction,
        epsilon=param.eps,
        scale=bool(gammas),
        center=len(gammas) > 1,
    )
    weights = [*gammas, mean * factor, variance * factor]
    return (part.net.layer(part.scope, layer, part.x, weights=weights, sources=(*sources, *part.sources)),)


def _merged(part: Part) -> tuple[list[Array], tuple[str, ...]]:
    """Return gamma, and beta where there is one, of the merged Scale layer, with their names."""
    if part.scale is None:
        return [], ()
    layer, blobs = part.scale
    shapes = [(part.channels,)] * (2 if layer.scale_param.bias_term else 1)
    return fitted(layer, blobs, shapes), tuple(blob.name for blob in blobs)


def scale(part: Part) -> tuple[Tensor, ...]:
    """Multiply by a number for each channel, and add one; or multiply by a second input with a number for each."""
    param = part.layer.scale_param
    if len(part.inputs) == 2 and not param.bias_term:
        return (_by_second(part, param.axis),)
    bias = bool(param.bias_term)
    if param.num_axes == 0:
        arrays = part.arrays(*([()] * (1 + bias)))
        added = float(arrays[1]) if bias else 0.0
        return (part.net.layer(part.scope, keras.layers.Rescaling(float(arrays[0]), added), part.x),)
    if param.num_axes != 1 or part.axis(param.axis) != 1:
        raise part.refusal("is not by channel; expected axis 1 and num_axes 1")
    arrays = part.arrays(*([(part.channels,)] * (1 + bias)))
    return (_channelwise(part, arrays[0], arrays[1] if bias else None),)


def bias(part: Part) -> tuple[Tensor, ...]:
    """Add a number for each channel."""
    param = part.layer.bias_param
    if param.num_axes != 1 or part.axis(param.axis) != 1:
        raise part.refusal("is not by channel; expected axis 1 and num_axes 1")
    (added,) = part.arrays((part.channels,))
    return (_channelwise(part, np.ones_like(added), added),)


def _channelwise(part: Part, factor: Array, added: Array | None) -> Tensor:
    """Multiply each channel by a number and add one: a depthwise convolution of a single place."""
    net, x, use_bias = part.net, part.x, added is not None
    weights = [array for array in (factor, added) if array is not None]
    if len(x.shape) == 4:
        weights[0] = factor.reshape(1, 1, -1, 1)
        layer = keras.layers.DepthwiseConv2D(1, use_bias=use_bias)
        return net.layer(part.scope, layer, part.image, weights=weights, sources=part.sources)
    if len(x.shape) != 2:
        raise part.refusal(f"needs an input (n, c) or (n, c, h, w), got {part.shown(x)}")
    weights[0] = factor.reshape(1, -1, 1)
    row = net.layer(f"{part.scope}/row", keras.layers.Reshape((1, part.channels)), x)
    layer = keras.layers.DepthwiseConv1D(1, use_bias=use_bias)
    scaled = net.layer(f"{part.scope}/scaled", layer, row, weights=weights, sources=part.sources)
    return net.layer(part.scope, keras.layers.Reshape((part.channels,)), scaled)


def _by_second(part: Part, axis: int) -> Tensor:
    """Multiply by a second input (n, c), or (n, c, 1, 1), as squeeze-and-excitation does."""
    x, factor = part.inputs
    size, rank = x.shape[1], len(x.shape)
    if axis != 0 or tuple(factor.shape[1:]) not in ((size,), (size, *(1,) * (rank - 2))):
        raise part.refusal(f"multiplies {part.shown(x)} by {part.shown(factor)} from axis {axis}; expected (n, c)")
    shape = [1] * (rank - 1)
    shape[x.axis(1) - 1] = int(size or 0)
    factor = part.net.layer(f"{part.scope}/factor", keras.layers.Reshape(tuple(shape)), factor, order=x.order)
    return part.net.layer(part.scope, keras.layers.Multiply(), [x, factor])


def local_response(part: Part) -> tuple[Tensor, ...]:
    """Divide by a power of the sum of squares of the neighbours, across channels or within each."""
    param = part.layer.lrn_param
    size, alpha, beta = param.local_size, param.alpha, param.beta
    if size % 2 == 0 or size > (1 << 16):
        raise part.refusal(f"has the local_size {size}; expected an odd number")
    x = part.image
    if len(x.shape) != 4:
        raise part.refusal(f"needs an input (n, c, h, w), got {part.shown(x)}")
    if param.norm_region == ACROSS:
        return (lrn(part.net, part.scope, x, size=size, alpha=alpha, beta=beta, bias=param.k),)
    net, scope, edge = part.net, part.scope, (size - 1) // 2
    square = net.layer(f"{scope}/square", keras.layers.Multiply(), [x, x])
    padded = net.layer(f"{scope}/pad", keras.layers.ZeroPadding2D(edge), square)
    mean = net.layer(f"{scope}/mean", keras.layers.AveragePooling2D(size, 1), padded)
    base = net.layer(f"{scope}/base", keras.layers.Rescaling(alpha, 1.0), mean)
    factor = net.operation(f"{scope}/power", lambda tensor: keras.ops.power(tensor, -beta), base)
    return (net.layer(scope, keras.layers.Multiply(), [x, factor]),)
