"""Operators that give a tensor other axes without moving its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from transfer.importers.native import Order, Tensor, identity
from transfer.importers.onnx.call import Call
from transfer.importers.onnx.fold import axes_of
from transfer.importers.onnx.known import BATCHES, Known, Sizes, sizes

OPEN_SIZE = -1


@dataclass(frozen=True)
class Target:
    """Where a reshape leads.

    Attributes:
        batch: which of the new axes counts the samples.
        sizes: of the other axes, in order; -1 for one that is open.
    """

    batch: int
    sizes: tuple[int, ...]


def target_of(
    source: Sequence[Sizes], batch: int, asked: Sequence[Sizes], fixed: int | None, zero_copies: bool = True
) -> Target | None:
    """Return where a reshape leads if each sample stays for itself, else None. Pure.

    Args:
        source: the sizes before, in both worlds (`known.py`).
        batch: which of them is the batch.
        asked: the sizes that are asked for, 0 for the same as before and -1 for the rest.
        fixed: the number of samples that the file fixes; sizes that are asked for may hold it.
        zero_copies: whether 0 means the same as before.
    """
    wanted = [source[i] if zero_copies and size == (0, 0) and i < len(source) else size for i, size in enumerate(asked)]
    rests = [axis for axis, size in enumerate(wanted) if size == (-1, -1)]
    total = _product(source)
    if len(rests) == 1:
        others = _product([size for axis, size in enumerate(wanted) if axis not in rests])
        if all(other and not whole % other for whole, other in zip(total, others, strict=True)):
            wanted[rests[0]] = (total[0] // others[0], total[1] // others[1])
    before = _product(source[:batch])
    found = _placed(wanted, before, total)
    if found is None and fixed is not None:
        single = total[0] // BATCHES[0]
        found = _placed_fixed(list(asked), wanted, before, (single, single), fixed)
    return found


def _placed(wanted: Sequence[Sizes], before: Sizes, total: Sizes) -> Target | None:
    for axis, size in enumerate(wanted):
        if size == BATCHES and _product(wanted[:axis]) == before and _product(wanted) == total:
            rest = [other for number, other in enumerate(wanted) if number != axis]
            plain = tuple(one if one == other else OPEN_SIZE for one, other in rest)
            return Target(axis, plain) if plain.count(OPEN_SIZE) <= 1 else None
    return None


def _placed_fixed(asked: list[Sizes], wanted: list[Sizes], before: Sizes, single: Sizes, fixed: int) -> Target | None:
    """Take an axis of the fixed batch's size for the batch, and compute the rest anew."""
    for axis in range(len(asked)):
        if asked[axis] not in ((fixed, fixed), BATCHES):
            continue
        rest = [
            asked[number] if asked[number] == (-1, -1) else wanted[number]
            for number in range(len(asked))
            if number != axis
        ]
        open_ones = [number for number, size in enumerate(rest) if size == (-1, -1)]
        known = _product([size for size in rest if size != (-1, -1)])
        if len(open_ones) == 1 and known[0] and not single[0] % known[0]:
            rest[open_ones[0]] = (single[0] // known[0],) * 2
        if _product(rest) == single and _product(rest[:axis]) == before:
            return Target(axis, tuple(size[0] for size in rest))
    return None


def _product(pairs: Sequence[Sizes]) -> Sizes:
    return math.prod(one for one, _ in pairs), math.prod(other for _, other in pairs)


def reshape(call: Call) -> list[Tensor]:
    """To sizes that are computed or constant, 0 for the same as before, -1 for the rest."""
    x, shape = call.tensor(), call.given(1)
    if not isinstance(shape, Known):
        call.refuse("its shape is computed from data")
    worlds = [[int(size) for size in array.ravel()] for array in shape.worlds]
    if len(worlds[0]) != len(worlds[1]):
        call.refuse("its shape's length depends on the number of samples")
    asked = list(zip(*worlds, strict=True))
    return [reshaped(call, x, asked, zero_copies=not call.integer("allowzero"))]


def reshaped(call: Call, x: Tensor, asked: Sequence[Sizes], zero_copies: bool = True) -> Tensor:
    """Return a tensor with other axes, as `target_of` finds them."""
    batch = x.order[0]
    target = target_of(sizes(x.shape, batch), batch, asked, call.batch, zero_copies)
    if target is None:
        call.refuse(
            f"it makes {[one if one == other else '?' for one, other in asked]} of {list(x.shape)}, "
            "which mixes samples or has two open sizes"
        )
    rank = len(target.sizes) + 1
    order = (target.batch, *(axis for axis in range(rank) if axis != target.batch))
    x = flat(call, x)
    if tuple(size or OPEN_SIZE for size in x.keras.shape[1:]) == target.sizes:
        return Tensor(x.keras, order)
    return call.layer(keras.layers.Reshape(target.sizes), x, order=order)


def flat(call: Call, x: Tensor) -> Tensor:
    """Return a tensor whose numbers lie in memory as in the original, but for the batch, which comes first."""
    wide = [axis for axis, size in zip(x.order[1:], x.keras.shape[1:], strict=True) if size != 1]
    if wide == sorted(wide):
        return x
    return call.net.arranged(x, (x.order[0], *sorted(x.order[1:])))


def flatten(call: Call) -> list[Tensor]:
    """Everything from `axis` on becomes one axis, everything before it another."""
    x, axis = call.tensor(), call.integer("axis", 1)
    axis = axis % len(x.order) if axis < 0 else axis
    if x.order[0] != 0 or axis != 1:
        call.refuse(f"its axis is {axis}; expected 1, so that samples stay apart")
    x = flat(call, x)
    return [x if len(x.order) == 2 else call.layer(keras.layers.Flatten(), x, order=identity(2))]


def squeeze(call: Call) -> list[Tensor]:
    """Axes of size 1 go."""
    x = call.tensor()
    rank = len(x.order)
    axes = axes_of([None, call.optional(1)], call.node.attributes)
    gone = [axis for axis, size in enumerate(x.shape) if size == 1] if axes is None else [axis % rank for axis in axes]
    if any(x.shape[axis] != 1 for axis in gone):
        call.refuse(f"it takes the axes {sorted(gone)} of {list(x.shape)} for of size 1")
    order = tuple(sum(other not in gone for other in range(axis)) for axis in x.order if axis not in gone)
    kept = [size for axis, size in zip(x.order, x.keras.shape, strict=True) if axis not in gone]
    return [_resized(call, x, kept, order, lambda t: keras.ops.squeeze(t, tuple(x.axis(axis) for axis in gone)))]


def unsqueeze(call: Call) -> list[Tensor]:
    """New axes of size 1."""
    x = call.tensor()
    axes = axes_of([None, call.optional(1)], call.node.attributes) or ()
    rank = len(x.order) + len(axes)
    new = sorted(axis % rank for axis in axes)
    old = [axis for axis in range(rank) if axis not in new]
    order = [old[axis] for axis in x.order]
    sizes_of = dict(zip(order, x.keras.shape, strict=True)) | dict.fromkeys(new, 1)
    for axis in new:  # beside its neighbour, so that a tensor in the original's order stays so
        place = next((number for number, other in enumerate(order) if number and other > axis), len(order))
        order.insert(place, axis)
    shape, places = [sizes_of[axis] for axis in order], tuple(order.index(axis) for axis in new)
    return [_resized(call, x, shape, tuple(order), lambda t: keras.ops.expand_dims(t, places))]


def _resized(call: Call, x: Tensor, shape: Sequence[int | None], order: Order, otherwise: object) -> Tensor:
    open_sizes = [size for size in shape[1:] if size is None]
    if len(open_sizes) > 1:
        return call.operation(otherwise, x, order=order)  # type: ignore[arg-type]
    target = tuple(OPEN_SIZE if size is None else size for size in shape[1:])
    return call.layer(keras.layers.Reshape(target), x, order=order)


def transpose(call: Call) -> list[Tensor]:
    """No layer: the tensor's axes get other names."""
    x = call.tensor()
    perm = call.integers("perm") or tuple(reversed(range(len(x.order))))
    if sorted(perm) != list(range(len(x.order))):
        call.refuse(f"its perm is {list(perm)}, its input has {len(x.order)} axes")
    return [Tensor(x.keras, tuple(perm.index(axis) for axis in x.order))]


def expand(call: Call) -> list[Tensor]:
    """Only to a shape that the tensor has, or along axes of size 1."""
    x, shape = call.tensor(), call.given(1)
    if not isinstance(shape, Known):
        call.refuse("its shape is computed from data")
    worlds = list(zip(*([int(size) for size in array.ravel()] for array in shape.worlds), strict=True))
    own = sizes(x.shape, x.order[0])
    if len(worlds) > len(own):
        call.refuse(f"it adds axes to {list(x.shape)}")
    times = [1] * len(own)
    for axis, size in zip(range(len(own) - len(worlds), len(own)), worlds, strict=True):
        if size in (own[axis], (1, 1)) or (axis == x.order[0] and size == (call.batch, call.batch)):
            continue
        if own[axis] != (1, 1) or size[0] != size[1]:
            call.refuse(f"it makes {list(x.shape)} of the axis {axis} as long as {list(size)}")
        times[axis] = size[0]
    turned = [times[axis] for axis in x.order]
    return [x if set(turned) == {1} else call.operation(lambda t: keras.ops.tile(t, turned), x)]
