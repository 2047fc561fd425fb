"""Convolutions. Kernels are `(out, height, width, in)`, a depthwise one `(1, height, width, in * multiplier)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from transfer.importers.native import Tensor
from transfer.importers.tflite.call import KERAS_ACTIVATIONS, Array, Call
from transfer.importers.tflite.schema import PADDINGS
from transfer.importers.tflite.values import Spaced, Value


def _conv(call: Call) -> list[Value]:
    x, dilation = _input(call)
    kernel = _kernel(call, 1)
    _check_channels(call, x, kernel.shape[3])
    groups = int(x.shape[3] or 1) // max(kernel.shape[3], 1)
    layer = keras.layers.Conv2D(
        kernel.shape[0], kernel.shape[1:3], groups=groups, use_bias=call.given(2), **_frame(call, dilation)
    )
    return _finished(call, layer, x, kernel.transpose(1, 2, 3, 0), 2)


def _depthwise(call: Call) -> list[Value]:
    x, dilation = _input(call)
    kernel = _kernel(call, 1)
    channels = int(x.shape[3] or 0)
    if kernel.shape[0] != 1 or channels < 1 or kernel.shape[3] % channels:
        call.refuse(f"its kernel {list(kernel.shape)} does not fit its input {list(x.shape)}")
    frame, bias = _frame(call, dilation), call.given(2)
    if frame["strides"][0] != frame["strides"][1]:  # TensorFlow's depthwise convolution has one stride
        layer = keras.layers.Conv2D(kernel.shape[3], kernel.shape[1:3], groups=channels, use_bias=bias, **frame)
        return _finished(call, layer, x, kernel.transpose(1, 2, 0, 3), 2)
    multiplier = kernel.shape[3] // channels
    layer = keras.layers.DepthwiseConv2D(kernel.shape[1:3], depth_multiplier=multiplier, use_bias=bias, **frame)
    return _finished(call, layer, x, kernel.reshape(*kernel.shape[1:3], channels, multiplier), 2)


def _transposed(call: Call) -> list[Value]:
    """The inputs are the size that it makes, the kernel and the tensor."""
    x, kernel, options = call.plain(2), _kernel(call, 1), call.options()
    _check_channels(call, x, kernel.shape[3], exact=True)
    layer = keras.layers.Conv2DTranspose(
        kernel.shape[0], kernel.shape[1:3], strides=_pair(call, options, "stride"), padding=_padding(call, options),
        use_bias=call.given(3), activation=_fused(call, options),
    )  # fmt: skip
    return _finished(call, layer, x, kernel.transpose(1, 2, 0, 3), 3)


def _input(call: Call) -> tuple[Tensor, tuple[int, int] | None]:
    value = call.value(0)
    if isinstance(value, Spaced):
        return value.tensor, value.block
    x = call.plain()
    if len(x.shape) != 4:
        call.refuse(f"its input has {len(x.shape)} axes; expected 4")
    return x, None


def _kernel(call: Call, place: int) -> Array:
    kernel = call.array(place)
    if kernel.ndim != 4 or not kernel.size:
        call.refuse(f"its kernel has the shape {list(kernel.shape)}; expected four axes")
    return kernel


def _check_channels(call: Call, x: Tensor, wanted: int, exact: bool = False) -> None:
    channels = x.shape[-1]
    if len(x.shape) != 4 or channels is None or channels % wanted or (exact and channels != wanted):
        call.refuse(f"its kernel takes {wanted} channels, its input is {list(x.shape)}")


def _frame(call: Call, dilation: tuple[int, int] | None) -> dict[str, Any]:
    """Return what the layers have in common; between SPACE_TO_BATCH_ND and its inverse, its block is the dilation."""
    options = call.options()
    own = _pair(call, options, "dilation")
    if dilation and (own != (1, 1) or _padding(call, options) != "valid" or _pair(call, options, "stride") != (1, 1)):
        call.refuse("it is no plain convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND")
    strides = _pair(call, options, "stride")
    if max(strides) > 1 and max(own) > 1:
        call.refuse(f"it has strides {list(strides)} and dilation {list(own)}: Keras takes one of them")
    return {"strides": strides, "padding": _padding(call, options), "dilation_rate": dilation or own,
            "activation": _fused(call, options)}  # fmt: skip


def _pair(call: Call, options: Mapping[str, Any], what: str) -> tuple[int, int]:
    pair = (options[f"{what}_h"], options[f"{what}_w"])
    if not all(1 <= size <= 1 << 12 for size in pair):
        call.refuse(f"its {what} is {list(pair)}")
    return pair


def _padding(call: Call, options: Mapping[str, Any]) -> str:
    if not 0 <= options["padding"] < len(PADDINGS):
        call.refuse(f"its padding has the number {options['padding']}")
    return PADDINGS[options["padding"]]


def _fused(call: Call, options: Mapping[str, Any]) -> str | None:
    return KERAS_ACTIVATIONS.get(call.activation(options["activation"]))


def _finished(call: Call, layer: Any, x: Tensor, kernel: Array, bias: int) -> list[Value]:
    weights = [np.asarray(kernel, np.float32)]
    sources = [call.source(1)]
    if call.given(bias):
        weights.append(np.asarray(call.array(bias), np.float32))
        sources.append(call.source(bias))
    made = call.layer(layer, x, weights=weights, sources=sources)
    code = call.options()["activation"]
    if call.activation(code) not in KERAS_ACTIVATIONS:
        made = call.activated(made, code)
    value = call.value(2 if call.operator.kind == "TRANSPOSE_CONV" else 0)
    return [Spaced(made, value.block) if isinstance(value, Spaced) else made]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
}
