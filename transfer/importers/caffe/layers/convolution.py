"""Convolution and Deconvolution (Caffe `base_conv_layer.cpp`, `conv_layer.cpp`, `deconv_layer.cpp`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.caffe.layers.window import Axis, sizes
from transfer.importers.caffe.part import Part
from transfer.importers.native import Tensor

PLAIN = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
PADDING = {1: keras.layers.ZeroPadding1D, 2: keras.layers.ZeroPadding2D, 3: keras.layers.ZeroPadding3D}
LARGEST_SPREAD = 1 << 26  # numbers in a grouped deconvolution's kernel, spread out with zeros
Array = NDArray[np.float32]


def convolution(part: Part) -> tuple[Tensor, ...]:
    """Build a Conv layer; one filter a channel is a DepthwiseConv2D."""
    x, param = part.image, part.layer.convolution_param
    axes = windows(part)
    kernel = tuple(axis.kernel for axis in axes)
    out, group = param.num_output, _group(part)
    counts = [axis.floor for axis in axes]
    if min(counts) < 1:
        raise part.refusal(f"has a kernel larger than its padded input {part.shown(part.x)}")
    weights = part.arrays(*_shapes(part, (out, part.channels // group, *kernel)))
    weights[0] = np.moveaxis(weights[0], (0, 1), (-1, -2))
    same = all(axis.same(count) for axis, count in zip(axes, counts, strict=True))
    if not same:
        x = padded(part, x, [(axis.pad, axis.behind(count)) for axis, count in zip(axes, counts, strict=True)])
    layer = _layer(axes, out, group, part.channels, "same" if same else "valid", param.bias_term)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        weights[0] = _by_channel(weights[0], part.channels)
    return (part.net.layer(part.scope, layer, x, weights=weights, sources=part.sources),)


def deconvolution(part: Part) -> tuple[Tensor, ...]:
    """Build a Conv2DTranspose, and crop what Caffe's padding takes away."""
    x, param = part.image, part.layer.convolution_param
    axes = windows(part)
    if len(axes) != 2 or any(axis.dilation > 1 for axis in axes):
        raise part.refusal("is dilated or not 2-D, for which there is no exact Keras layer")
    out, group = param.num_output, _group(part)
    kernel = tuple(axis.kernel for axis in axes)
    weights = part.arrays(*_shapes(part, (part.channels, out // group, *kernel)))
    weights[0] = _spread(part, weights[0], group).transpose(2, 3, 1, 0)
    strides = tuple(axis.stride for axis in axes)
    layer = keras.layers.Conv2DTranspose(out, kernel, strides, use_bias=param.bias_term)
    crops = [(axis.pad, axis.pad + max(0, axis.stride - axis.kernel)) for axis in axes]
    if any((axis.size - 1) * axis.stride + axis.kernel <= 2 * axis.pad for axis in axes):
        raise part.refusal(f"pads away all of its output; its input is {part.shown(part.x)}")
    cropping = any(map(any, crops))
    scope = f"{part.scope}/whole" if cropping else part.scope
    y = part.net.layer(scope, layer, x, weights=weights, sources=part.sources)
    return (part.net.layer(part.scope, keras.layers.Cropping2D(crops), y) if cropping else y,)


def windows(part: Part) -> list[Axis]:
    """Return the window along each spatial axis."""
    param, spatial = part.layer.convolution_param, part.image.shape[2:]
    if param.axis not in (1, 1 - len(part.x.shape)):
        raise part.refusal(f"has the channel axis {param.axis}; expected 1")
    fields = (("kernel_size", "kernel", 0), ("stride", "stride", 1), ("pad", "pad", 0), ("dilation", "dilation", 1))
    found = [sizes(param, name, short, len(spatial), default) for name, short, default in fields]
    if any(size is None for size in found):
        raise part.refusal(f"states kernel, stride, pad or dilation for another number of axes than {len(spatial)}")
    rows = list(zip(*(size for size in found if size), strict=True))
    if any(min(kernel, stride, dilation) < 1 for kernel, stride, _, dilation in rows):
        raise part.refusal("has no kernel size, or a stride or dilation of 0")
    return [Axis(int(size or 0), *row) for size, row in zip(spatial, rows, strict=True)]


def padded(part: Part, x: Tensor, edges: Sequence[tuple[int, int]]) -> Tensor:
    """Add zeros around the spatial axes, where there are any to add."""
    if not any(map(any, edges)):
        return x
    layer = PADDING[len(edges)](edges[0] if len(edges) == 1 else tuple(edges))
    return part.net.layer(f"{part.scope}/pad", layer, x)


def _group(part: Part) -> int:
    out, group = part.layer.convolution_param.num_output, part.layer.convolution_param.group
    if out < 1 or group < 1 or part.channels % group or out % group:
        raise part.refusal(f"has {group} groups for {part.channels} channels and {out} outputs; expected divisors")
    return int(group)


def _shapes(part: Part, kernel: tuple[int, ...]) -> list[tuple[int, ...]]:
    param = part.layer.convolution_param
    return [kernel, (param.num_output,)] if param.bias_term else [kernel]


def _layer(axes: list[Axis], out: int, group: int, channels: int, padding: str, bias: bool) -> Any:
    kernel, strides = [axis.kernel for axis in axes], [axis.stride for axis in axes]
    dilation = [axis.dilation for axis in axes]
    common = {"padding": padding, "dilation_rate": tuple(dilation), "use_bias": bias}
    square = len(set(strides)) == 1 and (strides[0] == 1 or max(dilation) == 1)
    if group == channels > 1 and len(axes) == 2 and square:
        return keras.layers.DepthwiseConv2D(kernel, tuple(strides), depth_multiplier=out // group, **common)
    return PLAIN[len(axes)](out, tuple(kernel), tuple(strides), groups=group, **common)


def _by_channel(kernel: Array, channels: int) -> Array:
    """Turn (h, w, 1, channels * m) into (h, w, channels, m)."""
    return kernel.reshape(*kernel.shape[:2], channels, -1)


def _spread(part: Part, kernel: Array, group: int) -> Array:
    """Turn (in, out / groups, h, w) into (in, out, h, w), zero between the groups."""
    if group == 1:
        return kernel
    inputs, width, *field = kernel.shape
    if inputs * width * group * int(np.prod(field)) > LARGEST_SPREAD:
        raise part.refusal(f"has {group} groups, too many for a layer without groups")
    whole = np.zeros((inputs, width * group, *field), np.float32)
    rows = inputs // group
    for place in range(group):
        block = slice(place * rows, (place + 1) * rows)
        whole[block, place * width : (place + 1) * width] = kernel[block]
    return whole
