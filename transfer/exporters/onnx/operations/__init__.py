"""How each operation of `keras.ops` is written: a table from its class to a function from a `Use` to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.operations import elementwise, parts, reductions, shapes
from transfer.exporters.onnx.use import Use

OPERATIONS: Mapping[str, Callable[[Use], list[Value]]] = {
    **elementwise.OPERATIONS,
    **parts.OPERATIONS,
    **reductions.OPERATIONS,
    **shapes.OPERATIONS,
}
