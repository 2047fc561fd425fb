"""Convolutions: Keras's kernels `(*window, in, out)` to ONNX's `(out, in, *window)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers.activations import activated
from transfer.exporters.onnx.layers.windows import framed
from transfer.exporters.onnx.step import Step


def _conv(step: Step) -> Value:
    kernel = np.moveaxis(step.array("kernel"), (-1, -2), (0, 1))
    made = _window(step, step.writer.first(step.inputs[0]), "kernel", kernel, step.layer.groups, step.layer.use_bias)
    return activated(step, made, step.layer.activation)


def _depthwise(step: Step) -> Value:
    kernel = step.array("kernel")
    value = step.writer.first(step.inputs[0])
    made = _window(step, value, "kernel", _grouped(kernel), kernel.shape[-2], step.layer.use_bias)
    return activated(step, made, step.layer.activation)


def _separable(step: Step) -> Value:
    depthwise, pointwise = step.array("depthwise_kernel"), step.array("pointwise_kernel")
    value = step.writer.first(step.inputs[0])
    between = _window(
        step, value, "depthwise_kernel", _grouped(depthwise), depthwise.shape[-2], False, part="depthwise"
    )
    kernel = step.weight("pointwise_kernel", np.moveaxis(pointwise, (-1, -2), (0, 1)))
    made = step.add("Conv", [between, kernel, _bias(step, step.layer.use_bias)], value.rank, first=True)
    return activated(step, made, step.layer.activation)


def _grouped(kernel: Any) -> Any:
    """Return `(in * multiplier, 1, *window)` of a depthwise kernel `(*window, in, multiplier)`."""
    moved = np.moveaxis(kernel, (-2, -1), (0, 1))
    return moved.reshape(-1, 1, *moved.shape[2:])


def _window(step: Step, value: Value, name: str, kernel: Any, groups: int, bias: bool, part: str = "") -> Value:
    window, layer = kernel.shape[2:], step.layer
    strides, dilation = _list(layer.strides, len(window)), _list(layer.dilation_rate, len(window))
    return step.add(
        "Conv", [value, step.weight(name, kernel), _bias(step, bias)], value.rank, part, True, group=int(groups),
        kernel_shape=list(window), strides=strides, dilations=dilation, **framed(step, window, strides, dilation),
    )  # fmt: skip


def _bias(step: Step, there: bool) -> str:
    return step.weight("bias", step.array("bias")) if there else ""


def _list(value: int | Sequence[int], axes: int) -> list[int]:
    return [int(value)] * axes if isinstance(value, int) else [int(one) for one in value]


def _transposed(step: Step) -> Value:
    """`same` makes `size * stride`; `valid` the least that all windows reach, and `stride` where that is wider."""
    layer, kernel = step.layer, step.array("kernel")
    if layer.output_padding is not None:
        step.refuse("it has an output_padding")
    window = kernel.shape[:-2]
    strides, dilation = _list(layer.strides, len(window)), _list(layer.dilation_rate, len(window))
    framed(step, window, strides, dilation)  # refuses other layouts
    reach = [(size - 1) * wide + 1 for size, wide in zip(window, dilation, strict=True)]
    cut = [max(wide - stride, 0) if layer.padding == "same" else 0 for wide, stride in zip(reach, strides, strict=True)]
    more = [max(stride - wide, 0) for wide, stride in zip(reach, strides, strict=True)]
    made = step.add(
        "ConvTranspose",
        [
            step.writer.first(step.inputs[0]),
            step.weight("kernel", np.moveaxis(kernel, (-1, -2), (0, 1))),
            _bias(step, layer.use_bias),
        ],
        len(step.shape), first=True, kernel_shape=list(window), strides=strides, dilations=dilation,
        pads=[one // 2 for one in cut] + [one - one // 2 for one in cut], output_padding=more,
    )  # fmt: skip
    return activated(step, made, layer.activation)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    **{f"Conv{axes}D": _conv for axes in (1, 2, 3)},
    **{f"DepthwiseConv{axes}D": _depthwise for axes in (1, 2)},
    **{f"SeparableConv{axes}D": _separable for axes in (1, 2)},
    **{f"Conv{axes}DTranspose": _transposed for axes in (1, 2, 3)},
}
