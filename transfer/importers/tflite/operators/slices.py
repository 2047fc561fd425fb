"""Parts of tensors, and tensors put together or padded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from transfer.importers.native import Tensor
from transfer.importers.tflite.call import Array, Call
from transfer.importers.tflite.values import Sizes, Value

ops = keras.ops


def _taken(call: Call, x: Tensor, axis: int, chosen: Sequence[int], drop: bool = False) -> Tensor:
    """Return the places `chosen` along an axis of the file's, which goes where it is dropped."""
    own = x.axis(axis)
    size = x.keras.shape[own]
    if own == 0 or size is None or not chosen or not all(0 <= place < size for place in chosen):
        call.refuse(f"it takes {len(chosen)} places along axis {axis} of {list(x.shape)}")
    if list(chosen) == list(range(size)) and not drop:
        return x
    if not drop:
        places = list(chosen)
        return call.operation(lambda t: ops.take(t, places, axis=own), x)
    order = tuple(place - (place > axis) for place in x.order if place != axis)
    place = chosen[0]
    return call.build.net.operation(call.scope, lambda t: ops.take(t, place, axis=own), x, order=order)


def _strided(call: Call) -> list[Value]:
    """Source: `tf.strided_slice`."""
    options = call.options()
    if options["ellipsis"] or options["new_axis"]:
        call.refuse("it has an ellipsis or a new axis")
    begins, ends, steps = ([int(n) for n in call.array(place).reshape(-1)] for place in (1, 2, 3))
    value = call.value(0)
    shape = (len(value.values),) if isinstance(value, Sizes) else value.shape if isinstance(value, np.ndarray) else (
        call.tensor().shape)  # fmt: skip
    if not len(begins) == len(ends) == len(steps) <= len(shape) or 0 in steps:
        call.refuse(f"it cuts {begins} to {ends} by {steps} from {list(shape)}")
    parts: list[Any] = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        bit = 1 << axis
        if options["shrink"] & bit:
            parts.append(begin)
        else:
            parts.append(slice(None if options["begin"] & bit else begin, None if options["end"] & bit else end, step))
    if isinstance(value, np.ndarray):
        return [_cut(call, value, parts)]
    if isinstance(value, Sizes):
        return [_cut_sizes(call, value, parts)]
    return [_cut_tensor(call, call.tensor(), parts)]


def _cut(call: Call, array: Array, parts: list[Any]) -> Array:
    try:
        return np.asarray(array[tuple(parts)])
    except IndexError:
        call.refuse("it cuts beyond its input")


def _cut_sizes(call: Call, sizes: Sizes, parts: list[Any]) -> Sizes:
    try:
        chosen = sizes.values[parts[0]]
    except IndexError:
        call.refuse("it cuts beyond its input")
    return Sizes(chosen if isinstance(chosen, tuple) else (chosen,))


def _cut_tensor(call: Call, x: Tensor, parts: list[Any]) -> Tensor:
    dropped = 0
    for axis, part in enumerate(parts):
        now = axis - dropped
        if x.axis(now) == 0:
            if not _everything(call, part):
                call.refuse("it takes some samples only")
            continue
        size = x.shape[now]
        if size is None:
            call.refuse(f"it cuts along axis {axis}, whose size may vary")
        if isinstance(part, int):
            x = _taken(call, x, now, [part % size if -size <= part < size else size], drop=True)
            dropped += 1
        else:
            x = _taken(call, x, now, range(size)[part])
    return x


def _everything(call: Call, part: Any) -> bool:
    """Tell whether a part takes all samples: of a file that fixes their number, all of that."""
    fixed = call.build.lite.tensors[call.build.lite.inputs[0]].shape[0]
    if not isinstance(part, slice) or part.step != 1 or part.start not in (None, 0):
        return False
    return part.stop is None or (fixed is not None and part.stop >= fixed)


def _slice(call: Call) -> list[Value]:
    """Source: `tf.slice`; a size of -1 means all that follow."""
    begins, sizes = ([int(n) for n in call.array(place).reshape(-1)] for place in (1, 2))
    x = call.tensor()
    if not len(begins) == len(sizes) == len(x.shape):
        call.refuse(f"it cuts {begins}, {sizes} from {list(x.shape)}")
    parts: list[Any] = []
    for begin, size, whole in zip(begins, sizes, x.shape, strict=True):
        everything = begin == 0 and size in (-1, whole, 1 if whole is None else -1)
        parts.append(slice(None, None, 1) if everything else slice(begin, None if size == -1 else begin + size, 1))
    return [_cut_tensor(call, x, parts)]


def _split(call: Call) -> list[Value]:
    """SPLIT has the axis first, SPLIT_V has it last, with the sizes before."""
    parts = len(call.operator.outputs)
    even = call.operator.kind == "SPLIT"
    value = call.value(1 if even else 0)
    rank = value.ndim if isinstance(value, np.ndarray) else len(call.tensor(1 if even else 0).shape)
    axis = _axis(call, call.array(0 if even else 2), rank)
    whole = (value.shape if isinstance(value, np.ndarray) else call.tensor(1 if even else 0).shape)[axis] or 0
    sizes = [whole // parts] * parts if even else [int(size) for size in call.array(1).reshape(-1)]
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = whole - sum(sizes) - 1
    if sum(sizes) != whole or min(sizes, default=0) < 1 or len(sizes) != parts:
        call.refuse(f"it splits {whole} into {sizes}")
    edges = np.cumsum([0, *sizes])
    if isinstance(value, np.ndarray):
        return list(np.split(value, edges[1:-1], axis))
    x = call.tensor(1 if even else 0)
    return [_taken(call, x, axis, range(edges[n], edges[n + 1])) for n in range(parts)]


def _axis(call: Call, array: Array, rank: int) -> int:
    axis = int(array.reshape(-1)[0]) if array.size == 1 else rank
    if not -rank <= axis < rank:
        call.refuse(f"its axis is {array.tolist()}, its input has {rank} axes")
    return axis % rank


def _unpack(call: Call) -> list[Value]:
    x, options = call.tensor(), call.options()
    axis = options["axis"] % len(x.shape)
    return [_taken(call, x, axis, [place], drop=True) for place in range(len(call.operator.outputs))]


def _pack(call: Call) -> list[Value]:
    """Stack along a new axis; what is made of sizes stays a list of sizes."""
    values = [call.value(place) for place in range(len(call.operator.inputs))]
    if not any(isinstance(value, Tensor) for value in values):
        if all(isinstance(value, np.ndarray) for value in values):
            return [np.stack([np.asarray(value) for value in values], call.options()["axis"])]
        return [Sizes(tuple(size for place in range(len(values)) for size in call.sizes(place)))]
    tensors = [call.tensor(place) for place in range(len(values))]
    if len({tensor.order for tensor in tensors}) > 1:
        tensors = [call.build.net.plain(tensor) for tensor in tensors]
    first = tensors[0]
    axis = call.options()["axis"] % (len(first.shape) + 1)
    # The new axis goes behind the samples, wherever the file has it.
    order = tuple(place + (place >= axis) for place in first.order)
    order = (order[0], axis, *order[1:])
    wide = [
        call.build.net.layer(f"{call.scope}/expand", keras.layers.Reshape((1, *tensor.keras.shape[1:])), tensor,
                             order=order)
        for tensor in tensors
    ]  # fmt: skip
    return [wide[0] if len(wide) == 1 else call.layer(keras.layers.Concatenate(1), wide)]


def _concatenation(call: Call) -> list[Value]:
    options = call.options()
    values = [call.value(place) for place in range(len(call.operator.inputs))]
    if all(isinstance(value, np.ndarray) for value in values):
        return [np.concatenate([np.asarray(value) for value in values], options["axis"])]
    if any(isinstance(value, Sizes) for value in values):
        return [Sizes(tuple(size for place in range(len(values)) for size in call.sizes(place)))]
    tensors = [call.tensor(place) for place in range(len(values))]
    if len({tensor.order for tensor in tensors}) > 1:
        tensors = [call.build.net.plain(tensor) for tensor in tensors]
    axis = tensors[0].axis(options["axis"])
    if axis == 0:
        call.refuse("it puts samples together")
    made = tensors[0] if len(tensors) == 1 else call.layer(keras.layers.Concatenate(axis), tensors)
    return [call.activated(made, options["activation"])]


def _pad(call: Call) -> list[Value]:
    x, pads = call.plain(), call.array(1)
    rank = len(x.shape)
    number = float(call.array(2).reshape(-1)[0]) if call.operator.kind == "PADV2" else 0.0
    if pads.shape != (rank, 2) or (pads < 0).any() or (pads > 1 << 12).any() or pads[0].any():
        call.refuse(f"it pads {list(x.shape)} by {pads.tolist()[:8]}")
    widths = tuple((int(a), int(b)) for a, b in pads)
    if call.operator.kind == "MIRROR_PAD":
        mode = "symmetric" if call.options()["mode"] == 1 else "reflect"
        return [call.operation(lambda t: ops.pad(t, widths, mode), x)]
    if number == 0 and rank == 4 and widths[3] == (0, 0):
        return [call.layer(keras.layers.ZeroPadding2D(widths[1:3]), x)]
    if number == 0 and rank == 3 and widths[2] == (0, 0):
        return [call.layer(keras.layers.ZeroPadding1D(widths[1]), x)]
    return [call.operation(lambda t: ops.pad(t, widths, "constant", constant_values=number), x)]


def _reverse(call: Call) -> list[Value]:
    x, axes = call.tensor(), [int(axis) for axis in call.array(1).reshape(-1)]
    if not axes or not all(-len(x.shape) <= axis < len(x.shape) and x.axis(axis) for axis in axes):
        call.refuse(f"it turns round the axes {axes}, of which one holds the samples")
    own = [x.axis(axis) for axis in axes]
    return [call.operation(lambda t: ops.flip(t, own), x)]


def _tile(call: Call) -> list[Value]:
    x, times = call.plain(), [int(number) for number in call.array(1).reshape(-1)]
    if len(times) != len(x.shape) or times[0] != 1 or not all(1 <= number <= 1 << 12 for number in times):
        call.refuse(f"it repeats {list(x.shape)} {times} times")
    return [call.operation(lambda t: ops.tile(t, times), x)]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "STRIDED_SLICE": _strided,
    "REVERSE_V2": _reverse,
    "TILE": _tile,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "UNPACK": _unpack,
    "PACK": _pack,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
}
