"""Layers that change a shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step


def _flatten(step: Step) -> Value:
    return step.add("Flatten", [step.writer.last(step.inputs[0])], 2, axis=1)


def _reshape(step: Step) -> Value:
    value = step.writer.last(step.inputs[0])
    target = [int(size) for size in step.layer.target_shape]
    shape = step.writer.whole(f"{step.scope}/shape", [0, *target])  # 0 keeps the number of samples
    return step.add("Reshape", [value, shape], len(target) + 1)


def _permute(step: Step) -> Value:
    value = step.writer.last(step.inputs[0])
    return step.add("Transpose", [value], value.rank, perm=[0, *(int(axis) for axis in step.layer.dims)])


def _repeat(step: Step) -> Value:
    axes, times = (
        step.writer.whole(f"{step.scope}/{name}", numbers)
        for name, numbers in (("axes", [1]), ("times", [1, int(step.layer.n), 1]))
    )
    wide = step.add("Unsqueeze", [step.inputs[0], axes], 3, "wide")
    return step.add("Tile", [wide, times], 3)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    "Flatten": _flatten, "Reshape": _reshape, "Permute": _permute, "RepeatVector": _repeat,
}  # fmt: skip
