"""Resizing of images.

Source: `tensorflow/lite/kernels/internal/reference/resize_bilinear.h` and `resize_nearest_neighbor.h`: a place of the
result lies at `i * scale` of the input, at `(i + 0.5) * scale - 0.5` with half-pixel centres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor
from transfer.importers.tflite.call import Call
from transfer.importers.tflite.values import Value

LARGEST = 1 << 13
Matrix = NDArray[np.float32]


def _resize(call: Call) -> list[Value]:
    x, options = call.plain(), call.options()
    bilinear = call.operator.kind == "RESIZE_BILINEAR"
    old = x.shape[1:3]
    new = tuple(int(size) for size in call.array(1).reshape(-1))
    if len(x.shape) != 4 or len(new) != 2 or None in old or not all(1 <= size <= LARGEST for size in new):
        call.refuse(f"it makes {list(new)} of {list(x.shape)}")
    align, half = bool(options["align_corners"]), bool(options["half_pixel"])
    factors = [after // int(before or 1) for before, after in zip(old, new, strict=True)]
    whole = all(int(before or 1) * factor == after for before, factor, after in zip(old, factors, new, strict=True))
    # Nearest neighbours at a whole factor are the same with and without half-pixel centres.
    if whole and not align and (half or not bilinear):
        kind = "bilinear" if bilinear else "nearest"
        return [call.layer(keras.layers.UpSampling2D(tuple(factors), interpolation=kind), x)]
    if bilinear and half and not align:
        return [call.layer(keras.layers.Resizing(*new, interpolation="bilinear"), x)]
    weights = bilinear_weights if bilinear else nearest_weights
    for axis, equation in ((0, "abcd,be->aecd"), (1, "abcd,ce->abed")):
        x = _multiplied(call, x, equation, axis, weights(int(old[axis] or 1), new[axis], align, half))
    return [x]


def _multiplied(call: Call, x: Tensor, equation: str, axis: int, matrix: Matrix) -> Tensor:
    """Multiply one axis by a matrix, which does not train: no layer of Keras's resizes in this way."""
    shape = list(x.shape[1:])
    shape[axis] = matrix.shape[1]
    layer = keras.layers.EinsumDense(equation, tuple(shape), trainable=False)
    return call.layer(layer, x, weights=[matrix], sources=[call.source(1)])


def bilinear_weights(before: int, after: int, align: bool, half: bool) -> Matrix:
    """Return `(before, after)`: how much each place of the input counts at each of the result."""
    matrix = np.zeros((before, after), np.float32)
    scale = _scale(before, after, align)
    for place in range(after):
        at = (place + np.float32(0.5)) * scale - np.float32(0.5) if half else place * scale
        low = max(math.floor(at), 0)
        share = np.float32(at - low) if at > 0 or not half else np.float32(at - math.floor(at)) * 0
        matrix[min(low, before - 1), place] += 1 - share
        matrix[min(low + 1, before - 1), place] += share
    return matrix


def nearest_weights(before: int, after: int, align: bool, half: bool) -> Matrix:
    """Return `(before, after)` with a one at the nearest place of the input for each of the result."""
    matrix = np.zeros((before, after), np.float32)
    scale = _scale(before, after, align)
    for place in range(after):
        at = (place + np.float32(0.5 if half else 0)) * scale
        chosen = math.floor(at + np.float32(0.5)) if align else math.floor(at)
        matrix[min(max(chosen, 0), before - 1), place] = 1
    return matrix


def _scale(before: int, after: int, align: bool) -> np.float32:
    if align and after > 1:
        return np.float32((before - 1) / (after - 1))
    return np.float32(before / after)


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
}
