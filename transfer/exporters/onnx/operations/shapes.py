"""Operations that change axes or types, and not the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.use import Given, Use


def _cast(use: Use) -> list[Value]:
    given = use.arguments["x"]
    if not isinstance(given, Given):
        use.step.refuse("it reads a constant")
    return [use.add("Cast", [given.value], first=given.value.first, to=use.code(use.dtype))]


def _expanded(use: Use) -> list[Value]:
    axis = use.option.axis
    axes = [int(one) % use.rank for one in ([axis] if isinstance(axis, int) else axis)]
    return [use.add("Unsqueeze", [use.tensor("x"), use.whole("axes", sorted(axes))])]


def _squeezed(use: Use) -> list[Value]:
    value, axis = use.tensor("x"), use.option.axis
    ones = [number for number, size in enumerate(use.shape()) if size == 1]
    axes = ones if axis is None else [int(one) % value.rank for one in ([axis] if isinstance(axis, int) else axis)]
    return [use.add("Squeeze", [value, use.whole("axes", sorted(axes))])]


def _reshaped(use: Use) -> list[Value]:
    sizes = [-1 if size is None else int(size) for size in use.option.newshape]
    return [use.add("Reshape", [use.tensor("x"), use.whole("shape", sizes)])]


def _moved(use: Use) -> list[Value]:
    value, axes = use.tensor("x"), use.option.axes
    perm = list(range(value.rank))[::-1] if axes is None else [int(axis) % value.rank for axis in axes]
    return [use.add("Transpose", [value], perm=perm)]


def _one_hot(use: Use) -> list[Value]:
    """Equal to 0, 1 … along a new last axis, which needs no rule for numbers out of range."""
    if use.option.axis not in (-1, use.rank - 1) or use.option.sparse:
        use.step.refuse(f"its axis is {use.option.axis}; expected the last")
    classes = np.arange(int(use.option.num_classes), dtype=np.int64)
    wide = use.add("Unsqueeze", [use.tensor("x", "int64"), use.whole("axis", [use.rank - 1])], "wide")
    same = use.add("Equal", [wide, use.step.writer.weight(f"{use.step.scope}/classes", classes)], "equal")
    return [use.add("Cast", [same], to=use.code(use.dtype))]


def _blocks(op: str) -> Callable[[Use], list[Value]]:
    def write(use: Use) -> list[Value]:
        given, option = use.arguments["x"], use.option
        if option.data_format != "channels_last":
            use.step.refuse("its channels do not come last")
        value = use.step.writer.first(given.value)
        return [use.add(op, [value], first=True, blocksize=int(option.block_size))]

    return write


OPERATIONS: Mapping[str, Callable[[Use], list[Value]]] = {
    "Cast": _cast, "DepthToSpace": _blocks("DepthToSpace"), "ExpandDims": _expanded, "OneHot": _one_hot,
    "Reshape": _reshaped, "SpaceToDepth": _blocks("SpaceToDepth"), "Squeeze": _squeezed, "Transpose": _moved,
}  # fmt: skip
