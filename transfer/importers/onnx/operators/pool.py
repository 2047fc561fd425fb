"""Pooling."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, channels_last, spatial
from transfer.importers.onnx.operators.window import POOL, ZEROS, Pads, Window, padded, window_of

AVERAGE = {1: keras.layers.AveragePooling1D, 2: keras.layers.AveragePooling2D, 3: keras.layers.AveragePooling3D}
GLOBAL_AVERAGE = {
    1: keras.layers.GlobalAveragePooling1D,
    2: keras.layers.GlobalAveragePooling2D,
    3: keras.layers.GlobalAveragePooling3D,
}
GLOBAL_MAX = {
    1: keras.layers.GlobalMaxPooling1D,
    2: keras.layers.GlobalMaxPooling2D,
    3: keras.layers.GlobalMaxPooling3D,
}
LOWEST = float(np.finfo(np.float32).min)
LARGEST = 1 << 20  # positions whose number of summands differs


def max_pool(call: Call) -> list[Tensor]:
    """Pads count as the lowest number; as zeros where what is pooled is a rectifier's."""
    if len(call.node.outputs) > 1 and call.node.outputs[1] in call.used:
        call.refuse("its second output, where the largest numbers lie, has no counterpart")
    x, window = _window(call)
    if max(window.dilations) > 1:
        call.refuse(f"its dilations are {list(window.dilations)}; Keras's pooling has none")
    window = _with_ceiling(call, x, window)
    made = POOL[len(window.size)](window.size, window.strides, padding=window.padding)
    return [call.layer(made, _lowest_around(call, x, window))]


def _window(call: Call) -> tuple[Tensor, Window]:
    x = channels_last(call, call.tensor())
    size = call.integers("kernel_shape")
    if size is None or len(size) != len(x.order) - 2 or len(size) not in POOL:
        call.refuse(f"its kernel_shape is {size}, its input has {len(x.order)} axes")
    return x, window_of(call, x, size)


def _with_ceiling(call: Call, x: Tensor, window: Window) -> Window:
    """Pad the end so that the last, incomplete window counts where `ceil_mode` asks for it."""
    if not call.integer("ceil_mode") or window.padding == "same" or call.text("auto_pad", "NOTSET") != "NOTSET":
        return window
    return replace(window, pads=_ceiling(call, spatial(x), window))


def _ceiling(call: Call, sizes: tuple[int | None, ...], window: Window) -> Pads:
    found = []
    for size, (begin, end), stride, reach in zip(sizes, window.pads, window.strides, window.reach, strict=True):
        if size is None:
            call.refuse("its ceil_mode needs an input of known size")
        count = math.ceil((size + begin + end - reach) / stride) + 1
        count -= (count - 1) * stride >= size + begin  # the last window may not begin in the padding
        found.append((begin, max((count - 1) * stride + reach - size - begin, 0)))
    return tuple(found)


def _lowest_around(call: Call, x: Tensor, window: Window) -> Tensor:
    if window.padding == "same" or not any(map(any, window.pads)):
        return x
    rank = len(window.size)
    if isinstance(x.keras._keras_history.operation, keras.layers.ReLU):
        return call.layer(ZEROS[rank](window.pads[0] if rank == 1 else window.pads), x, part="pad")
    width = [(0, 0), *window.pads, (0, 0)]
    return call.operation(lambda t: keras.ops.pad(t, width, "constant", LOWEST), x, part="pad")


def average_pool(call: Call) -> list[Tensor]:
    """Pads count as zeros, or not at all: then sums are corrected where a window reaches over the edge."""
    x, window = _window(call)
    if max(window.dilations) > 1:
        call.refuse(f"its dilations are {list(window.dilations)}; Keras's pooling has none")
    counted = bool(call.integer("count_include_pad"))
    declared = window.pads
    window = _with_ceiling(call, x, window)
    rank = len(window.size)
    if window.padding == "same" and not counted:  # Keras's own counts what is there only
        return [call.layer(AVERAGE[rank](window.size, window.strides, padding="same"), x)]
    if not any(map(any, window.pads)) and window.padding == "valid":
        return [call.layer(AVERAGE[rank](window.size, window.strides), x)]
    if window.padding == "same" and None in spatial(x):
        call.refuse("its auto_pad with count_include_pad needs an input of known size")
    factors = _factors(call, spatial(x), window, declared if counted else ((0, 0),) * rank)
    x, window = padded(call, x, replace(window, padding="valid"))
    even = bool(np.all(factors == 1))
    y = call.layer(AVERAGE[rank](window.size, window.strides), x, part="" if even else "mean")
    return [y if even else call.layer(keras.layers.Rescaling(factors[..., None].tolist()), y)]


def _factors(call: Call, sizes: tuple[int | None, ...], window: Window, counted: Pads) -> NDArray[np.float32]:
    """Return by how much a mean over whole windows is too small, at each position.

    Args:
        call: the node.
        sizes: of the input.
        window: with all its pads.
        counted: the pads that count as numbers.
    """
    factors: NDArray[np.float64] = np.ones((), np.float64)
    for size, stride, pads, count, reach in zip(sizes, window.strides, window.pads, counted, window.size, strict=True):
        if size is None:
            if count == pads:
                factors = factors[..., None]
                continue
            call.refuse("padding that does not count needs an input of known size")
        starts = np.arange((size + sum(pads) - reach) // stride + 1) * stride - pads[0]
        held = np.minimum(starts + reach, size + count[1]) - np.maximum(starts, -count[0])
        if factors.size * held.size > LARGEST or held.min(initial=1) < 1:
            call.refuse(f"its pads {list(window.pads)} do not fit an input of {list(sizes)}")
        factors = factors[..., None] * (reach / held)
    return factors.astype(np.float32)


def global_average(call: Call) -> list[Tensor]:
    """The mean over all axes but batch and channels."""
    return _global(call, GLOBAL_AVERAGE)


def global_max(call: Call) -> list[Tensor]:
    """The largest over all axes but batch and channels."""
    return _global(call, GLOBAL_MAX)


def _global(call: Call, kinds: dict[int, type]) -> list[Tensor]:
    x = channels_last(call, call.tensor())
    rank = len(x.order) - 2
    if rank not in kinds:
        call.refuse(f"its input has {rank + 2} axes; expected 3, 4 or 5")
    return [call.layer(kinds[rank](keepdims=True), x)]
