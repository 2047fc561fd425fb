"""Eltwise, Concat, Slice, Split and Crop (Caffe's files of the same names)."""

from __future__ import annotations

from itertools import pairwise

import keras

from transfer.importers.caffe.part import Part
from transfer.importers.native import Tensor

PROD, SUM, MAX = 0, 1, 2  # EltwiseOp in the schema


def eltwise(part: Part) -> tuple[Tensor, ...]:
    """Multiply, add with coefficients, or take the maximum of inputs of one shape."""
    param, inputs = part.layer.eltwise_param, _aligned(part)
    if len(inputs) < 2 or len({tensor.shape for tensor in inputs}) != 1:
        shapes = ", ".join(part.shown(tensor) for tensor in inputs)
        raise part.refusal(f"needs two or more inputs of one shape, got {shapes}")
    coefficients = list(param.coeff)
    if coefficients and (len(coefficients) != len(inputs) or param.operation != SUM):
        raise part.refusal(f"has {len(coefficients)} coefficients for {len(inputs)} inputs; expected one each, for SUM")
    if param.operation == SUM and len(inputs) == 2 and coefficients == [1, -1]:
        return (part.net.layer(part.scope, keras.layers.Subtract(), inputs),)
    for place, factor in enumerate(coefficients):
        if factor != 1:
            layer = keras.layers.Rescaling(factor)
            inputs[place] = part.net.layer(f"{part.scope}/coeff_{place}", layer, inputs[place])
    kinds = {PROD: keras.layers.Multiply, SUM: keras.layers.Add, MAX: keras.layers.Maximum}
    return (part.net.layer(part.scope, kinds[param.operation](), inputs),)


def concat(part: Part) -> tuple[Tensor, ...]:
    """Join inputs along an axis."""
    param, inputs = part.layer.concat_param, _aligned(part)
    axis = part.axis(param.concat_dim if param.HasField("concat_dim") else param.axis)
    if len(inputs) == 1:
        return (inputs[0],)
    return (part.net.layer(part.scope, keras.layers.Concatenate(inputs[0].axis(axis)), inputs),)


def split(part: Part) -> tuple[Tensor, ...]:
    """Give the input to every top."""
    return (part.x,) * len(part.layer.top)


def slices(part: Part) -> tuple[Tensor, ...]:
    """Cut the input along an axis, at stated points or into equal parts."""
    param, tops = part.layer.slice_param, len(part.layer.top)
    axis = part.axis(param.slice_dim if param.HasField("slice_dim") else param.axis)
    size = int(part.x.shape[axis] or 0)
    points = list(param.slice_point)
    if not points and size % tops == 0:
        points = [size // tops * place for place in range(1, tops)]
    edges = [0, *points, size]
    if len(edges) != tops + 1 or any(start >= stop for start, stop in pairwise(edges)):
        raise part.refusal(f"cuts {size} at {points} into {tops} tops; expected rising points, one fewer than tops")
    names = [part.scope] if tops == 1 else [f"{part.scope}/{place}" for place in range(tops)]
    return tuple(
        cut(part, name, part.x, axis, start, stop) for name, (start, stop) in zip(names, pairwise(edges), strict=True)
    )


def crop(part: Part) -> tuple[Tensor, ...]:
    """Cut the first input to the size of the second, from an offset."""
    if len(part.inputs) != 2:
        raise part.refusal(f"has {len(part.inputs)} bottoms; expected two")
    x, like = part.inputs
    param, rank = part.layer.crop_param, len(x.shape)
    axes = list(range(part.axis(param.axis), rank))
    offsets = list(param.offset) or [0]
    offsets = offsets * len(axes) if len(offsets) == 1 else offsets
    if len(offsets) != len(axes) or len(like.shape) != rank:
        raise part.refusal(f"has {len(offsets)} offsets for {len(axes)} axes; expected one, or one each")
    for axis, offset in zip(axes, offsets, strict=True):
        size, wanted = int(x.shape[axis] or 0), int(like.shape[axis] or 0)
        if offset + wanted > size:
            raise part.refusal(f"takes {wanted} from {offset} on along axis {axis}, of {size}")
        if wanted != size:
            x = cut(part, part.scope, x, axis, offset, offset + wanted)
    return (x,)


def cut(part: Part, scope: str, x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """Take a range of one of the original's axes."""
    index = [slice(None)] * len(x.order)
    index[x.axis(axis)] = slice(start, stop)
    return part.net.operation(scope, lambda tensor: tensor[tuple(index)], x)


def _aligned(part: Part) -> list[Tensor]:
    """Return the inputs with their axes as those of the first lie."""
    order = part.inputs[0].order
    for tensor in part.inputs:
        if len(tensor.order) != len(order):
            raise part.refusal(f"joins {part.shown(part.inputs[0])} and {part.shown(tensor)}")
    return [part.net.arranged(tensor, order) for tensor in part.inputs]
