"""Where the imported part of a graph begins and ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.errors import ZooError, near
from transfer.importers.onnx.graph import Graph
from transfer.importers.onnx.layout import Declared
from transfer.importers.onnx.messages import text

SIZES = re.compile(r"(\?|\d{1,6})(x(\?|\d{1,6}))+")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?|true|false")
INTEGERS = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int32", 9: "bool", 12: "uint32"}
FLOATS = (1, 10, 11, 16)


@dataclass(frozen=True)
class Ends:
    """The ends of the part that is imported.

    Attributes:
        inputs: the tensors that the model takes.
        outputs: the tensors that it returns.
        fixed: inputs that get one value for good.
        shapes: sizes that a user gives to inputs, None for an open one.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fixed: dict[str, float] = field(default_factory=dict)
    shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)


def ends_of(graph: Graph, input: str | None, output: str | None) -> Ends:
    """Return the ends that a user asks for; what is not asked for is the graph's own.

    Args:
        graph: the whole graph.
        input: tensors, separated by commas; `NAME=NUMBER` gives an input one value for good, `NAME=?x3x224x224` sizes
            to one whose sizes are open.
        output: tensors, separated by commas.

    Raises:
        ZooError: a tensor is not in the graph, or is a weight.
    """
    made = {name for node in graph.nodes for name in node.outputs if name}
    asked = [part.strip() for part in (input or "").split(",") if part.strip()]
    pairs = [(name, number) for name, _, number in (part.rpartition("=") for part in asked) if NUMBER.fullmatch(number)]
    fixed = {name: float({"true": "1", "false": "0"}.get(number, number)) for name, number in pairs if name}
    shapes = {
        name: tuple(None if size == "?" else int(size) for size in sizes.split("x"))
        for name, _, sizes in (part.rpartition("=") for part in asked)
        if name and SIZES.fullmatch(sizes)
    }
    plain = (part.rpartition("=")[0] if part.rpartition("=")[0] in shapes else part for part in asked)
    named = tuple(part for part in plain if part.rpartition("=")[0] not in fixed)
    outputs = tuple(part.strip() for part in (output or "").split(",") if part.strip()) or graph.outputs
    there = {*graph.inputs, *made}
    for name in (*named, *fixed, *outputs):
        if name not in there:
            raise ZooError(f"the graph has no tensor {name}", near(name, there))
    return Ends(named or tuple(name for name in graph.inputs if name not in fixed), outputs, fixed, shapes)


def declared(values: Sequence[Any]) -> dict[str, Declared]:
    """Return what a file says of some tensors' shapes and types, by name, where it does."""
    return {text(value.name): _declared(value) for value in values if value.type.HasField("tensor_type")}


def _declared(value: Any) -> Declared:
    kind = value.type.tensor_type
    shape = tuple(_size(dimension) for dimension in kind.shape.dim)
    return Declared(text(value.name), shape if kind.HasField("shape") else (), int(kind.elem_type))


def _size(dimension: Any) -> int | str | None:
    if dimension.HasField("dim_value") and dimension.dim_value > 0:
        return int(dimension.dim_value)
    return text(dimension.dim_param) or None


def sized(one: Declared, ends: Ends) -> Declared:
    """Return an input with the sizes that a user gives it.

    Raises:
        ZooError: the file says otherwise.
    """
    given = ends.shapes.get(one.name)
    if given is None:
        return one
    pairs = list(zip(one.shape, given, strict=False))
    if len(given) != len(one.shape) or any(isinstance(own, int) and size not in (own, None) for own, size in pairs):
        raise ZooError(
            f"the input {one.name} has the shape {list(one.shape)}; got {list(given)}",
            f"sizes may be given where the file leaves them open: --input '{one.name}={_asked(one.shape)}'",
        )
    return replace(one, shape=tuple(own if size is None else size for own, size in pairs))


def _asked(shape: Sequence[int | str | None]) -> str:
    """Return a shape as an option states it.

    >>> _asked(("batch", 8, 8, 1))
    '?x8x8x1'
    """
    return "x".join(str(size) if isinstance(size, int) else "?" for size in shape)


def dtype_of(one: Declared) -> str:
    """Return the type of a model's input.

    Raises:
        ZooError: it is text, or of another kind that a model cannot take.
    """
    if one.dtype in FLOATS:
        return "float32"
    if one.dtype not in INTEGERS:
        raise ZooError(
            f"the input {one.name} has the type number {one.dtype} (8 is text): no model can take it",
            "name the first numeric tensor behind it: --input TENSOR",
        )
    return INTEGERS[one.dtype]
