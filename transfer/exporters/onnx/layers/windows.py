"""Padding, cropping and enlarging of images and sequences; and how ONNX states Keras's `same`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step

FAR = (1 << 31) - 1


def framed(step: Step, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> dict[str, Any]:
    """Return the attributes that place a window: TensorFlow's `same` pads more at the end."""
    padding = step.layer.padding
    if step.layer.data_format != "channels_last":
        step.refuse("its channels do not come last")
    reach = [(size - 1) * wide + 1 for size, wide in zip(window, dilation, strict=True)]
    if padding == "valid":
        return {"pads": [0] * (2 * len(reach))}
    if padding == "causal":
        return {"pads": [reach[0] - 1, 0]}
    sizes = step.shape[1:-1]
    if None in sizes:
        return {"auto_pad": "SAME_UPPER"}
    needs = [
        max((-(-int(size or 0) // stride) - 1) * stride + wide - int(size or 0), 0)
        for size, stride, wide in zip(sizes, strides, reach, strict=True)
    ]
    return {"pads": [need // 2 for need in needs] + [need - need // 2 for need in needs]}


def _pairs(amounts: Any, axes: int) -> list[tuple[int, int]]:
    """Return (before, after) for each axis; Keras keeps one pair for a sequence, several for images."""
    if axes == 1:
        amounts = [amounts] if isinstance(amounts, int) else amounts
        return [(int(amounts[0]), int(amounts[-1]))]
    return [(int(before), int(after)) for before, after in amounts]


def _padded(step: Step) -> Value:
    value = step.writer.last(step.inputs[0])
    pairs = [(0, 0), *_pairs(step.layer.padding, value.rank - 2), (0, 0)]
    pads = [before for before, _ in pairs] + [after for _, after in pairs]
    return step.add("Pad", [value, step.writer.whole(f"{step.scope}/pads", pads)], value.rank)


def _cropped(step: Step) -> Value:
    value = step.writer.last(step.inputs[0])
    pairs = _pairs(step.layer.cropping, value.rank - 2)
    lists = {
        "starts": [before for before, _ in pairs],
        "ends": [-after if after else FAR for _, after in pairs],
        "axes": list(range(1, value.rank - 1)),
    }
    given = [step.writer.whole(f"{step.scope}/{name}", numbers) for name, numbers in lists.items()]
    return step.add("Slice", [value, *given], value.rank)


def _enlarged(step: Step) -> Value:
    value, size = step.writer.first(step.inputs[0]), step.layer.size
    kind = getattr(step.layer, "interpolation", "nearest")
    if kind not in ("nearest", "bilinear"):
        step.refuse(f"its interpolation is {kind}")
    factors = [size] if isinstance(size, int) else list(size)
    scales = step.weight("scales", [1, 1, *factors])
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    if kind == "bilinear":
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return step.add("Resize", [value, "", scales], value.rank, first=value.first, **how)


def _resized(step: Step) -> Value:
    """By TensorFlow's rule: pixels have their number at the centre."""
    layer, value = step.layer, step.writer.first(step.inputs[0])
    step.need(interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, antialias=False)
    if value.rank != 4 or layer.data_format != "channels_last" or None in step.shape[1:]:
        step.refuse(f"its input {list(step.shape)} is no image of a known size with channels last")
    known = [int(size or 0) for size in step.shape[1:3]]
    factors = [scale(size, int(wanted)) for size, wanted in zip(known, (layer.height, layer.width), strict=True)]
    how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return step.add("Resize", [value, "", step.weight("scales", [1, 1, *factors])], 4, first=True, **how)


def scale(size: int, wanted: int) -> float:
    """Return the float32 factor from one size to another, which the operator rounds down.

    >>> [int(np.float32(size) * np.float32(scale(size, 10))) for size in (3, 7, 41)]
    [10, 10, 10]
    """
    factor = np.float32(wanted / size)
    while int(np.float32(size) * factor) < wanted:
        factor = np.nextafter(factor, np.float32(np.inf))
    return float(factor)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    **{f"ZeroPadding{axes}D": _padded for axes in (1, 2, 3)},
    **{f"Cropping{axes}D": _cropped for axes in (1, 2, 3)},
    **{f"UpSampling{axes}D": _enlarged for axes in (1, 2, 3)},
    "Resizing": _resized,
}
