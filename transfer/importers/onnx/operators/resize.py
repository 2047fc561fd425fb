"""Enlarging images. Source: ONNX operators Upsample (7, 9) and Resize (10 to 19)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, channels_last, spatial

REPEAT = {1: keras.layers.UpSampling1D, 2: keras.layers.UpSampling2D, 3: keras.layers.UpSampling3D}
# coordinate_transformation_mode and nearest_mode of which every number is repeated, whatever the whole factor.
REPEATS = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil"),
           ("pytorch_half_pixel", "round_prefer_floor"), ("tf_half_pixel_for_nn", "floor"),
           ("half_pixel_symmetric", "round_prefer_floor")}  # fmt: skip
HALF_PIXEL = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")


def resize(call: Call) -> list[Tensor]:
    """Nearest numbers by whole factors, or linear between pixel centres."""
    x = channels_last(call, call.tensor())
    mode = call.text("mode", "nearest")
    old = call.opset < 10 or call.node.op == "Upsample"
    where = "asymmetric" if call.opset < 11 else call.text("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if call.opset < 11 else call.text("nearest_mode", "round_prefer_floor")
    if call.integer("antialias") or call.integer("exclude_outside"):
        call.refuse("it has antialias or exclude_outside, which Keras's layers have not")
    factors = _factors(call, x, old)
    if all(factor == 1 for factor in factors):
        return [x]
    whole = tuple(int(factor) for factor in factors)
    if mode == "nearest" and factors == whole and ((where, rounding) in REPEATS or _twice(whole, where, rounding)):
        return [call.layer(REPEAT[len(whole)](whole[0] if len(whole) == 1 else whole), x)]
    sizes = spatial(x)
    if mode in ("linear", "bilinear") and where in HALF_PIXEL and len(factors) == 2 and None not in sizes:
        target = [round(size * factor) for size, factor in zip(sizes, factors, strict=True) if size is not None]
        if all(abs(n / size - factor) < 1e-6 for n, size, factor in zip(target, sizes, factors, strict=True) if size):
            return [call.layer(keras.layers.Resizing(*target, interpolation="bilinear"), x)]
    return call.refuse(
        f"its mode {mode} with {where} and {rounding} by {[round(float(factor), 3) for factor in factors]} has no "
        "counterpart: expected nearest by whole factors, or linear with half_pixel of an image of known size"
    )


def _twice(factors: tuple[int, ...], where: str, rounding: str) -> bool:
    """Tell whether rounding half down repeats each number: it does for a factor of two."""
    return max(factors) <= 2 and (where, rounding) == ("asymmetric", "round_prefer_floor")


def _factors(call: Call, x: Tensor, old: bool) -> tuple[float, ...]:
    rank = len(x.order)
    if call.opset < 9 and "scales" in call.node.attributes:
        scales: NDArray[Any] | None = np.array(call.node.attributes["scales"])
    else:
        scales = call.optional(1 if old or call.opset < 11 else 2)
    sizes = None if old or call.opset < 11 else call.optional(3)
    if "axes" in call.node.attributes or rank - 2 not in REPEAT:
        call.refuse("it names axes, or its input is no image")
    if sizes is not None and sizes.size == rank and None not in x.shape[2:]:
        known = [size for size in x.shape[2:] if size]
        found = tuple(float(size) / known[number] for number, size in enumerate(sizes[2:]))
    elif scales is not None and scales.size == rank and scales[0] == scales[1] == 1:
        found = tuple(float(scale) for scale in scales[2:])
    else:
        call.refuse("its scales or sizes are no constants, or change batch or channels")
    if not all(0 < factor <= 64 for factor in found):
        call.refuse(f"it resizes by {list(found)}; expected at most 64")
    return found
