"""Convolutions."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, channels_last, spatial
from transfer.importers.onnx.operators.window import Window, named_pads, padded, subsampled, window_of

Kernel = NDArray[np.float32]
CONV = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
DEPTHWISE = {1: keras.layers.DepthwiseConv1D, 2: keras.layers.DepthwiseConv2D}
TRANSPOSED = {1: keras.layers.Conv1DTranspose, 2: keras.layers.Conv2DTranspose, 3: keras.layers.Conv3DTranspose}
CROPPING = {1: keras.layers.Cropping1D, 2: keras.layers.Cropping2D, 3: keras.layers.Cropping3D}


def conv(call: Call, added: NDArray[np.float32] | None = None, added_from: tuple[str, ...] = ()) -> list[Tensor]:
    """Kernels (out, in / group, *k) become (*k, in / group, out).

    Args:
        call: the node.
        added: a bias (out,) that a node behind it adds.
        added_from: its names.
    """
    x, kernel = channels_last(call, call.tensor()), call.weight(1)
    rank = len(x.order) - 2
    if kernel.ndim != rank + 2 or rank not in CONV:
        call.refuse(f"its kernel has {kernel.ndim} axes, its input {rank + 2}; expected 3, 4 or 5, both the same")
    window, group = window_of(call, x, kernel.shape[2:]), call.integer("group", 1)
    _divides(call, kernel, group, x)
    bias = added if added is not None else None if call.given(2) is None else call.weight(2)
    weights = [kernel] if bias is None else [kernel, bias]
    sources = (*call.sources(1, 2), *added_from)
    x, window = padded(call, x, window)
    # Keras has no stride with dilation; all positions are computed, and those between left out.
    sparse = max(window.dilations) > 1 and max(window.strides) > 1
    made = _conv(call, x, window.dense() if sparse else window, group, weights, sources)
    return [subsampled(call, made, window.strides) if sparse else made]


def _divides(call: Call, kernel: Kernel, group: int, x: Tensor) -> None:
    channels = x.keras.shape[-1]
    if group < 1 or kernel.shape[0] % group or channels is None or kernel.shape[1] * group != channels:
        call.refuse(f"its kernel {list(kernel.shape)} with {group} groups does not fit {channels} channels")


def _conv(call: Call, x: Tensor, window: Window, group: int, weights: list[Kernel], sources: tuple[str, ...]) -> Tensor:
    kernel, rank = weights[0], len(window.size)
    options = {"padding": window.padding, "use_bias": len(weights) > 1}
    if group > 1 and group == x.keras.shape[-1] and _depthwise(window):
        spread = _last(kernel.reshape(group, -1, *kernel.shape[2:]), 0, 1)
        made = DEPTHWISE[rank](
            window.size, window.strides[0] if rank == 1 else window.strides,
            depth_multiplier=kernel.shape[0] // group, dilation_rate=_plain(window.dilations), **options,
        )  # fmt: skip
        return call.layer(made, x, [spread, *weights[1:]], sources)
    made = CONV[rank](
        kernel.shape[0], window.size, window.strides, groups=group, dilation_rate=window.dilations, **options
    )
    return call.layer(made, x, [_last(kernel, 1, 0), *weights[1:]], sources)


def _plain(numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    return numbers[0] if len(numbers) == 1 else numbers


def _depthwise(window: Window) -> bool:
    """Tell whether TensorFlow's depthwise convolution can run it: it has one stride for both axes."""
    return len(window.size) in DEPTHWISE and len(set(window.strides)) == 1


def _last(kernel: Kernel, *axes: int) -> Kernel:
    """Move the two axes of channels to the end."""
    return np.ascontiguousarray(np.transpose(kernel, (*range(2, kernel.ndim), *axes)))


def conv_transpose(call: Call) -> list[Tensor]:
    """Kernels (in, out, *k) become (*k, out, in); what is padded away is cropped off the full result.

    The full result has `(n - 1) * stride + (k - 1) * dilation + 1` positions; TensorFlow adds `stride - k` where the
    kernel is shorter than the stride. Source: ONNX operator ConvTranspose.
    """
    x, kernel = channels_last(call, call.tensor()), call.weight(1)
    rank = kernel.ndim - 2
    if rank not in TRANSPOSED or rank != len(x.order) - 2:
        call.refuse(f"its kernel has {kernel.ndim} axes, its input {len(x.order)}; expected 3, 4 or 5, both the same")
    if call.integer("group", 1) != 1:
        call.refuse("it has several groups, which no Keras layer has")
    window = window_of(call, x, kernel.shape[2:], explicit=False)
    weights = [_last(kernel, 1, 0)] + ([] if call.given(2) is None else [call.weight(2)])
    made = TRANSPOSED[rank](
        kernel.shape[1], window.size, window.strides, padding="valid", use_bias=len(weights) > 1,
        dilation_rate=window.dilations,
    )  # fmt: skip
    crops = _crops(call, x, window)
    if not any(map(any, crops)):
        return [call.layer(made, x, weights, call.sources(1, 2))]
    full = call.layer(made, x, weights, call.sources(1, 2))
    return [call.layer(CROPPING[rank](crops[0] if rank == 1 else crops), full, part="crop")]


def _crops(call: Call, x: Tensor, window: Window) -> tuple[tuple[int, int], ...]:
    rank = len(window.size)
    extra = call.integers("output_padding") or (0,) * rank
    wanted = call.integers("output_shape")
    reach = window.reach
    surplus = [max(stride - size, 0) for stride, size in zip(window.strides, reach, strict=True)]
    pads = named_pads(call, rank)
    if wanted is not None or pads is None:
        pads = _implied(call, spatial(x), window, extra, wanted)
    crops = tuple((begin, end - more + over) for (begin, end), more, over in zip(pads, extra, surplus, strict=True))
    if any(begin < 0 or end < 0 for begin, end in crops):
        call.refuse(f"its output is larger than what it computes: pads {pads}, output_padding {list(extra)}")
    return crops


def _implied(
    call: Call, sizes: tuple[int | None, ...], window: Window, extra: tuple[int, ...], wanted: tuple[int, ...] | None
) -> tuple[tuple[int, int], ...]:
    """Compute the pads that give the wanted output; with `auto_pad` that is input times stride."""
    rank, found = len(window.size), []
    for axis, (size, stride, reach) in enumerate(zip(sizes, window.strides, window.reach, strict=True)):
        if wanted is not None and size is None:
            call.refuse("its output_shape needs an input of known size")
        # Where the output is n times the stride, the pads do not depend on n.
        total = reach - stride + extra[axis]
        if wanted is not None and size is not None:
            total = stride * (size - 1) + extra[axis] + reach - wanted[-rank:][axis]
        less, more = total // 2, total - total // 2
        found.append((less, more) if call.text("auto_pad", "NOTSET") == "SAME_UPPER" else (more, less))
    return tuple(found)
