"""Pooling (Caffe `pooling_layer.cpp`), with its rounding up, in exact native layers.

Maximum: `padding="same"` where it places the windows likewise; else the border is repeated, which changes no maximum,
as every window that reaches over a border holds the border too. Average: Caffe divides by the part of the window that
lies in the padded image, so zeros are added, and where the last window is cut short its average is scaled.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.caffe.layers.convolution import padded
from transfer.importers.caffe.layers.window import Axis, sizes
from transfer.importers.caffe.part import Part
from transfer.importers.native import Tensor

MAX, AVE, FLOOR = 0, 1, 1  # PoolMethod and RoundMode in the schema
MOST_WINDOWS = 1 << 20  # where the share of each is a constant of the model


def pooling(part: Part) -> tuple[Tensor, ...]:
    """Build a pooling layer, and what it needs before and behind it."""
    param, x = part.layer.pooling_param, part.image
    if param.pool not in (MAX, AVE):
        raise part.refusal("is stochastic; expected maximum or average pooling")
    if len(part.layer.top) > 1:
        raise part.refusal("also returns where its maxima are, which no Keras layer does")
    if len(x.shape) != 4:
        raise part.refusal(f"needs an input (n, c, h, w), got {part.shown(part.x)}")
    if param.global_pooling:
        kind = keras.layers.GlobalMaxPooling2D if param.pool == MAX else keras.layers.GlobalAveragePooling2D
        return (part.net.layer(part.scope, kind(keepdims=True), x),)
    axes = _axes(part)
    counts = [_count(part, axis) for axis in axes]
    return ((_maximum if param.pool == MAX else _average)(part, x, axes, counts),)


def _axes(part: Part) -> list[Axis]:
    param = part.layer.pooling_param
    rows = [
        sizes(param, "kernel_size", "kernel", 2, 0),
        sizes(param, "stride", "stride", 2, 1),
        sizes(param, "pad", "pad", 2, 0),
    ]
    if any(row is None for row in rows) or min(rows[0] or (0,)) < 1 or min(rows[1] or (0,)) < 1:
        raise part.refusal("has no kernel size, or a stride of 0")
    found = list(zip(*(row for row in rows if row), strict=True))
    if any(pad >= kernel for kernel, _, pad in found):
        raise part.refusal("is padded by as much as its kernel; Caffe expects less")
    return [Axis(int(size or 0), *row) for size, row in zip(part.x.shape[2:], found, strict=True)]


def _count(part: Part, axis: Axis) -> int:
    count = axis.floor if part.layer.pooling_param.round_mode == FLOOR else axis.ceil
    if count < 1 or (count - 1) * axis.stride - axis.pad >= axis.size:
        raise part.refusal(f"has a window outside of its input {part.shown(part.x)}")
    return count


def _maximum(part: Part, x: Tensor, axes: list[Axis], counts: list[int]) -> Tensor:
    same = all(axis.same(count) for axis, count in zip(axes, counts, strict=True))
    if not same:
        for place, (axis, count) in enumerate(zip(axes, counts, strict=True)):
            x = _repeated(part, x, place, axis.pad, axis.behind(count))
    layer = keras.layers.MaxPooling2D(*_geometry(axes), "same" if same else "valid")
    return part.net.layer(part.scope, layer, x)


def _repeated(part: Part, x: Tensor, place: int, before: int, behind: int) -> Tensor:
    """Repeat the first row or column `before` times and the last one `behind` times."""
    if not before and not behind:
        return x
    size, name = int(x.keras.shape[1 + place]), "hw"[place]
    parts = [x]
    for end, times, crop in (("first", before, (0, size - 1)), ("last", behind, (size - 1, 0))):
        if times:
            border = _border(part, x, f"{part.scope}/{end}_{name}", place, times, crop)
            parts.insert(0 if end == "first" else len(parts), border)
    return part.net.layer(f"{part.scope}/border_{name}", keras.layers.Concatenate(1 + place), parts)


def _border(part: Part, x: Tensor, scope: str, place: int, times: int, crop: tuple[int, int]) -> Tensor:
    """Cut a row or column out, and repeat it."""
    crops, repeats = [(0, 0), (0, 0)], [1, 1]
    crops[place], repeats[place] = crop, times
    one = part.net.layer(scope, keras.layers.Cropping2D(crops), x) if any(crop) else x
    layer = keras.layers.UpSampling2D(tuple(repeats))
    return part.net.layer(f"{scope}_repeated", layer, one) if times > 1 else one


def _average(part: Part, x: Tensor, axes: list[Axis], counts: list[int]) -> Tensor:
    pairs = list(zip(axes, counts, strict=True))
    # With "same", TensorFlow divides by the part inside of the image; that is the same without padding before it.
    if all(axis.pad == 0 and axis.same(count) for axis, count in pairs):
        return part.net.layer(part.scope, keras.layers.AveragePooling2D(*_geometry(axes), "same"), x)
    x = padded(part, x, [(axis.pad, axis.behind(count)) for axis, count in pairs])
    shares = [shares_of(axis, count) for axis, count in pairs]
    cut = any((share != 1).any() for share in shares)
    pool = keras.layers.AveragePooling2D(*_geometry(axes))
    y = part.net.layer(f"{part.scope}/mean" if cut else part.scope, pool, x)
    return _scaled(part, y, shares) if cut else y


def _scaled(part: Part, y: Tensor, shares: Sequence[NDArray[np.float64]]) -> Tensor:
    """Divide by the share of the window that counts: Normalization divides by the root of a constant variance."""
    rows, columns = (share.size for share in shares)
    if rows * columns > MOST_WINDOWS:
        raise part.refusal(f"has {rows:,} by {columns:,} windows; expected at most {MOST_WINDOWS:,}")
    variance = (np.outer(*shares) ** 2).astype(np.float32)
    layer = keras.layers.Normalization(axis=(1, 2), mean=np.zeros_like(variance), variance=variance)
    return part.net.layer(part.scope, layer, y)


def shares_of(axis: Axis, count: int) -> NDArray[np.float64]:
    """Return which share of each window lies in the padded image, `(count,) float64`."""
    starts = np.arange(count) * axis.stride - axis.pad
    return (np.minimum(starts + axis.kernel, axis.size + axis.pad) - starts) / axis.kernel


def _geometry(axes: list[Axis]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(axis.kernel for axis in axes), tuple(axis.stride for axis in axes)
