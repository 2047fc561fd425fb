"""Flatten, Reshape and Permute (Caffe `flatten_layer.cpp`, `reshape_layer.cpp`; Permute is that of SSD's Caffe)."""

from __future__ import annotations

import math

import keras

from transfer.importers.caffe.part import Part
from transfer.importers.native import Net, Tensor, identity


def flatten(part: Part) -> tuple[Tensor, ...]:
    """Flatten a range of axes."""
    param, rank = part.layer.flatten_param, len(part.x.shape)
    first, last = part.axis(param.axis), part.axis(param.end_axis)
    if last < first:
        raise part.refusal(f"flattens the axes {param.axis} to {param.end_axis} of {rank}; expected a range")
    return (flattened(part.net, part.scope, part.x, first, last),)


def flattened(net: Net, scope: str, x: Tensor, first: int, last: int) -> Tensor:
    """Flatten the original's axes from `first` to `last`."""
    sizes = [int(size or 0) for size in x.shape]
    return reshaped(net, scope, x, (*sizes[1:first], math.prod(sizes[first : last + 1]), *sizes[last + 1 :]))


def reshaped(net: Net, scope: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give every sample another shape, in the original's order of axes; where all but one axis are 1 nothing moves."""
    long = [size for size in x.shape[1:] if size != 1]
    x = x if len(long) <= 1 else net.plain(x)
    return net.layer(scope, keras.layers.Reshape(shape), x, order=identity(len(shape) + 1))


def reshape(part: Part) -> tuple[Tensor, ...]:
    """Reshape the samples; a shape that mixes them is refused."""
    param = part.layer.reshape_param
    old = [part.batch, *(int(size or 0) for size in part.x.shape[1:])]
    new = resolved(part, old, list(param.shape.dim), param.axis, param.num_axes)
    if new[0] != part.batch or math.prod(new) != math.prod(old) or min(new) < 1:
        raise part.refusal(f"turns {old} into {new}; expected as many numbers, and the samples left apart")
    return (reshaped(part.net, part.scope, part.x, tuple(new[1:])),)


def resolved(part: Part, old: list[int], stated: list[int], axis: int, count: int) -> list[int]:
    """Return the new shape: 0 copies an axis, -1 takes what is left, and only a range of axes is replaced."""
    start = axis if axis >= 0 else len(old) + axis + 1
    stop = len(old) if count == -1 else start + count
    if not 0 <= start <= stop <= len(old):
        raise part.refusal(f"replaces the axes {start} to {stop} of {len(old)}")
    for place, size in enumerate(stated):
        if size == 0:
            if start + place >= len(old):
                raise part.refusal(f"copies the axis {start + place} of {len(old)}")
            stated[place] = old[start + place]
    new = [*old[:start], *stated, *old[stop:]]
    if new.count(-1) == 1:
        rest = -math.prod(new)
        new[new.index(-1)] = math.prod(old) // rest if rest else 0
    return new or [0]


def permute(part: Part) -> tuple[Tensor, ...]:
    """Rename the axes: Keras's tensor stays as it lies."""
    order, rank = list(part.layer.permute_param.order), len(part.x.shape)
    order += [axis for axis in range(rank) if axis not in order]
    if sorted(order) != list(range(rank)) or order[0] != 0:
        raise part.refusal(f"has the order {order} for {rank} axes; expected each once, and the samples first")
    return (Tensor(part.x.keras, tuple(order.index(axis) for axis in part.x.order)),)
