"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers.windows import framed
from transfer.exporters.onnx.step import Step


def _pool(op: str) -> Callable[[Step], Value]:
    def write(step: Step) -> Value:
        value, layer = step.writer.first(step.inputs[0]), step.layer
        window, strides = ([int(one) for one in _tuple(size)] for size in (layer.pool_size, layer.strides))
        frame: dict[str, Any] = {"kernel_shape": window, "strides": strides}
        frame |= framed(step, window, strides, [1] * len(window))
        if op == "AveragePool":
            frame["count_include_pad"] = 0
        return step.add(op, [value], value.rank, first=True, **frame)

    return write


def _tuple(size: Any) -> Any:
    return (size,) if isinstance(size, int) else size


def _global(op: str) -> Callable[[Step], Value]:
    """Reduce over all but the samples and the channels, in whatever layout the tensor is."""

    def write(step: Step) -> Value:
        value, layer = step.inputs[0], step.layer
        if layer.data_format != "channels_last":
            step.refuse("its channels do not come last")
        axes = sorted(value.axis(axis) for axis in range(1, value.rank - 1))
        rank = value.rank if layer.keepdims else 2
        first = value.first and layer.keepdims
        return step.add(op, [value], rank, first=first, axes=axes, keepdims=int(layer.keepdims))

    return write


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    **{f"MaxPooling{axes}D": _pool("MaxPool") for axes in (1, 2, 3)},
    **{f"AveragePooling{axes}D": _pool("AveragePool") for axes in (1, 2, 3)},
    **{f"GlobalMaxPooling{axes}D": _global("ReduceMax") for axes in (1, 2, 3)},
    **{f"GlobalAveragePooling{axes}D": _global("ReduceMean") for axes in (1, 2, 3)},
}
