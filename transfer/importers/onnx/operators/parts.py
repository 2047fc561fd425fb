"""Operators that take parts of tensors, put them together or add an edge."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from transfer.importers.native import CHANNELS_LAST, Tensor, identity
from transfer.importers.onnx.call import Call
from transfer.importers.onnx.fold import LARGEST, slices
from transfer.importers.onnx.known import Known
from transfer.importers.onnx.operators.window import ZEROS

FAR = 1 << 28  # exporters write 2**31 - 1 or 10**9 for `to the end`


def concat(call: Call) -> list[Tensor]:
    """Along one axis."""
    tensors = call.tensors()
    axis = tensors[0].axis(call.integer("axis", 1))
    if axis == 0:
        call.refuse("it joins samples")
    return [tensors[0] if len(tensors) == 1 else call.layer(keras.layers.Concatenate(axis=axis), tensors)]


def split(call: Call) -> list[Tensor | None]:
    """Into parts along one axis, each an operation of its own."""
    x = call.tensor()
    axis = x.axis(call.integer("axis"))
    size, count = x.keras.shape[axis], len(call.node.outputs)
    given = call.optional(1)
    parts = call.integers("split") if given is None else tuple(int(part) for part in given)
    if axis == 0 or size is None:
        call.refuse("it divides the samples, or an axis of open size")
    if not parts:
        whole = -(-size // count)
        parts = tuple(min(whole, size - whole * number) for number in range(count))
    if sum(parts) != size or len(parts) != count or min(parts) < 0:
        call.refuse(f"it divides {size} into {list(parts)} for {count} outputs")
    ends = np.cumsum(parts)
    bounds = zip(ends - parts, ends, call.node.outputs, strict=True)
    return [
        _taken(call, x, {axis: slice(int(start), int(end))}, f"part_{number}") if name in call.used else None
        for number, (start, end, name) in enumerate(bounds)
    ]


def slice_(call: Call) -> list[Tensor]:
    """Of some axes, with steps."""
    x = call.tensor()
    inputs = [None, *(call.optional(number) for number in range(1, len(call.inputs)))]
    taken = slices(inputs, call.node.attributes, len(x.order))
    kept = {x.axis(axis): part for axis, part in taken.items() if not _whole(part, x.shape[axis])}
    if 0 in kept:
        call.refuse("it takes some of the samples")
    return [_taken(call, x, kept) if kept else x]


def _whole(part: slice, size: int | None) -> bool:
    if part.step != 1 or part.start != 0:
        return False
    return part.stop is None or part.stop >= (FAR if size is None else size)


def _taken(call: Call, x: Tensor, kept: dict[int, Any], part: str = "") -> Tensor:
    key = tuple(kept.get(axis, slice(None)) for axis in range(len(x.order)))
    return call.operation(lambda t: t[key], x, part=part)


def gather(call: Call) -> list[Tensor]:
    """Rows of a constant (an Embedding), or constant positions of a tensor."""
    if isinstance(call.given(0), Known):
        table = call.weight(0)
        if table.ndim != 2 or call.integer("axis"):
            call.refuse(
                f"it looks up along axis {call.integer('axis')} of {list(table.shape)}; expected rows of 2 axes"
            )
        x = call.tensor(1)
        layer = keras.layers.Embedding(*table.shape)
        return [call.layer(layer, x, [table], call.sources(0), order=(*x.order, len(x.order)))]
    x, where = call.tensor(), call.array(1)
    original = call.integer("axis") % len(x.order)
    axis, size = x.axis(original), x.shape[original]
    if axis == 0 or where.ndim > 1:
        call.refuse("it takes some of the samples, or by a table of positions")
    if size is not None:
        where = np.where(where < 0, where + size, where)
    if where.ndim:
        positions = where.astype(np.int32)
        return [call.operation(lambda t: keras.ops.take(t, positions, axis), x)]
    key = tuple(int(where) if other == axis else slice(None) for other in range(len(x.order)))
    order = tuple(other - (other > original) for other in x.order if other != original)
    return [call.operation(lambda t: t[key], x, order=order)]


def pad(call: Call) -> list[Tensor]:
    """Zeros around height and width as a layer, other edges as an operation."""
    x, mode, rank = call.tensor(), call.text("mode", "constant"), len(call.tensor().order)
    given = call.optional(1)
    pads = list(call.integers("pads") or ()) if given is None else [int(number) for number in given]
    axes = call.optional(3)
    named = list(range(rank)) if axes is None else [int(axis) % rank for axis in axes]
    if len(pads) != 2 * len(named) or any(not 0 <= number < LARGEST for number in pads):
        call.refuse(f"its pads are {pads[:10]}; expected {2 * len(named)} numbers that are not negative")
    by_axis = {axis: (pads[number], pads[number + len(named)]) for number, axis in enumerate(named)}
    width = [by_axis.get(axis, (0, 0)) for axis in x.order]
    value = call.optional(2)
    number = call.real("value", 0.0) if value is None else float(value.reshape(()))
    return [_padded(call, x, width, mode, number)]


def _padded(call: Call, x: Tensor, width: list[tuple[int, int]], mode: str, number: float) -> Tensor:
    if not any(map(any, width)):
        return x
    if any(width[0]):
        call.refuse("it adds samples")
    if mode not in ("constant", "reflect"):
        call.refuse(f"its mode is {mode}; Keras has constant and reflect")
    rank = len(x.order)
    if mode == "constant" and number == 0 and x.order == CHANNELS_LAST.get(rank) and not any(width[-1]):
        inner = tuple(width[1:-1])
        return call.layer(ZEROS[rank - 2](inner[0] if rank == 3 else inner), x)
    if mode == "reflect":
        return call.operation(lambda t: keras.ops.pad(t, width, "reflect"), x)
    return call.operation(lambda t: keras.ops.pad(t, width, "constant", number), x)


def depth_to_space(call: Call) -> list[Tensor]:
    """Channels become blocks of height and width: (n, h, w, b, b, c) to (n, h b, w b, c); CRD has (c, b, b)."""
    x, block, height, width, channels = _image(call)
    if channels % (block * block):
        call.refuse(f"it divides {channels} channels into blocks of {block} by {block}")
    deep = channels // (block * block)
    if call.text("mode", "DCR") == "CRD":
        apart, moves = (height, width, deep, block, block), (1, 4, 2, 5, 3)
    else:
        apart, moves = (height, width, block, block, deep), (1, 3, 2, 4, 5)
    return [_blocks(call, x, apart, moves, (height * block, width * block, deep))]


def space_to_depth(call: Call) -> list[Tensor]:
    """Blocks of height and width become channels: (n, h, b, w, b, c) to (n, h, w, b, b, c)."""
    x, block, height, width, channels = _image(call)
    if height % block or width % block:
        call.refuse(f"it divides {height} by {width} into blocks of {block}")
    high, wide = height // block, width // block
    apart = (high, block, wide, block, channels)
    return [_blocks(call, x, apart, (1, 3, 2, 4, 5), (high, wide, channels * block * block))]


def _image(call: Call) -> tuple[Tensor, int, int, int, int]:
    if len(call.tensor().order) != 4:
        call.refuse(f"its input has {len(call.tensor().order)} axes; expected 4")
    x, block = call.net.arranged(call.tensor(), CHANNELS_LAST[4]), call.integer("blocksize")
    _, height, width, channels = x.keras.shape
    if None in (height, width, channels) or block < 1:
        call.refuse(f"it needs a known height and width and a block, got {list(x.shape)} and {block}")
    return x, block, height, width, channels


def _blocks(call: Call, x: Tensor, apart: tuple[int, ...], moves: tuple[int, ...], together: tuple[int, ...]) -> Tensor:
    rank = len(apart) + 1
    parts = call.layer(keras.layers.Reshape(apart), x, order=identity(rank), part="apart")
    moved = call.layer(keras.layers.Permute(moves), parts, part="moved")
    return call.layer(keras.layers.Reshape(together), moved, order=CHANNELS_LAST[4])


def cast(call: Call) -> list[Tensor]:
    """Nothing between floating-point numbers: the model computes in float32."""
    x, to = call.tensor(), call.integer("to")
    floats, kinds = (1, 10, 11, 16), {2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int32", 9: "bool"}
    own = str(x.keras.dtype)
    if to not in (*floats, *kinds):
        call.refuse(f"it casts to the type number {to}")
    wanted = "float32" if to in floats else kinds[to]
    return [x if own == wanted else call.operation(lambda t: keras.ops.cast(t, wanted), x)]


def same(call: Call) -> list[Tensor]:
    """Nothing."""
    return [call.tensor()]
