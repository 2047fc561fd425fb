"""An ONNX graph being written: nodes, weights, and in which layout each tensor is at the moment.

Source: `onnx/onnx.proto`; the messages are those of the importer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import TensorSpec
from registry.errors import ZooError
from transfer.exporters.exported import About
from transfer.importers.onnx.messages import MESSAGES

OPSET, IR_VERSION = 17, 8
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
FLOAT, INT, STRING, FLOATS, INTS, STRINGS = 1, 2, 3, 6, 7, 8  # AttributeProto.AttributeType


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Attributes:
        name: in the graph.
        rank: how many axes it has.
        first: whether channels come right after the samples there; they come last in Keras.
    """

    name: str
    rank: int
    first: bool = False

    def axis(self, own: int) -> int:
        """Return where an axis of Keras's lies in the graph."""
        own %= self.rank
        if not self.first or own == 0:
            return own
        return 1 if own == self.rank - 1 else own + 1


class Writer:
    """Collects the nodes and weights of a graph; a name is given once."""

    def __init__(self) -> None:
        self._graph = MESSAGES["Graph"](name="zoo")
        self._names: set[str] = set()
        self._weights: dict[str, str] = {}
        self._turned: dict[tuple[str, bool], Value] = {}

    def input(self, spec: TensorSpec) -> Value:
        """Add an input as the model has it."""
        self._names.add(spec.name)
        self._graph.input.append(_info(spec))
        return Value(spec.name, len(spec.shape))

    def output(self, value: Value, spec: TensorSpec) -> None:
        """Add an output as the model has it, under the name of its spec."""
        last = self.last(value)
        name = self._free(spec.name)
        made = self.node("Identity", name, [last], last.rank)
        self._graph.output.append(_info(TensorSpec(made.name, spec.shape, spec.dtype)))

    def node(
        self, op: str, scope: str, inputs: Sequence[Value | str], rank: int, *, first: bool = False, **attributes: Any
    ) -> Value:
        """Add a node with one output; `""` stands for an input that is left out."""
        return self.nodes(op, scope, inputs, 1, rank, first=first, **attributes)[0]

    def nodes(
        self, op: str, scope: str, inputs: Sequence[Value | str], count: int, rank: int, *, first: bool = False,
        **attributes: Any,
    ) -> list[Value]:  # fmt: skip
        """Add a node with several outputs."""
        name = self._free(scope)
        outputs = [name, *(self._free(f"{scope}:{number}") for number in range(1, count))]
        given = [value.name if isinstance(value, Value) else value for value in inputs]
        while given and not given[-1]:
            given.pop()
        node = self._graph.node.add(name=name, op_type=op, input=given, output=outputs)
        for key, value in attributes.items():
            _set(node.attribute.add(name=key), value)
        return [Value(output, rank, first) for output in outputs]

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a weight, once; return its name in the graph."""
        if name not in self._weights:
            self._weights[name] = self._free(name)
            held = np.asarray(array, order="C")  # ascontiguousarray would make an axis for a single number
            kind = TYPES[str(held.dtype)]
            tensor = self._graph.initializer.add(name=self._weights[name], dims=list(held.shape), data_type=kind)
            tensor.raw_data = held.astype(held.dtype.newbyteorder("<"), copy=False).tobytes()
        return self._weights[name]

    def whole(self, name: str, numbers: Sequence[int]) -> str:
        """Add a constant list of int64."""
        return self.weight(name, np.asarray(numbers, np.int64))

    def last(self, value: Value) -> Value:
        """Return a tensor with its channels last."""
        return self._arranged(value, False)

    def first(self, value: Value) -> Value:
        """Return a tensor with its channels right after the samples; the same below three axes."""
        return self._arranged(value, True) if value.rank > 2 else value

    def _arranged(self, value: Value, first: bool) -> Value:
        if value.first == first:
            return value
        if (value.name, first) not in self._turned:
            rank = value.rank
            moves = [0, rank - 1, *range(1, rank - 1)] if first else [0, *range(2, rank), 1]
            made = self.node("Transpose", f"{value.name}/transpose", [value], rank, first=first, perm=moves)
            self._turned[value.name, first] = made
        return self._turned[value.name, first]

    def model(self, about: About) -> Any:
        """Return the finished `Model` message."""
        model = MESSAGES["Model"](ir_version=IR_VERSION, producer_name="zoo")
        model.opset_import.add(domain="", version=OPSET)
        for key, value in (("zoo.name", about.name), ("zoo.revision", about.revision)):
            model.metadata_props.add(key=key, value=value)
        model.graph.CopyFrom(self._graph)
        return model

    def _free(self, name: str) -> str:
        free, number = name, 0
        while free in self._names:
            number += 1
            free = f"{name}_{number}"
        self._names.add(free)
        return free


def _set(attribute: Any, value: Any) -> None:
    if isinstance(value, str):
        attribute.s, attribute.type = value.encode(), STRING
    elif isinstance(value, float):
        attribute.f, attribute.type = value, FLOAT
    elif isinstance(value, int):
        attribute.i, attribute.type = int(value), INT
    elif all(isinstance(one, str) for one in value):
        attribute.strings.extend(one.encode() for one in value)
        attribute.type = STRINGS
    elif all(isinstance(one, int) for one in value):
        attribute.ints.extend(value)
        attribute.type = INTS
    else:
        attribute.floats.extend(value)
        attribute.type = FLOATS


def _info(spec: TensorSpec) -> Any:
    if spec.dtype not in TYPES:
        raise ZooError(f"{spec.name} has the type {spec.dtype}, which is not written as ONNX", "try --to saved_model")
    info = MESSAGES["ValueInfo"](name=spec.name)
    info.type.tensor_type.elem_type = TYPES[spec.dtype]
    for axis, size in enumerate(spec.shape):
        dimension = info.type.tensor_type.shape.dim.add()
        if size is None:
            dimension.dim_param = "batch" if axis == 0 else f"{spec.name}_{axis}"
        else:
            dimension.dim_value = size
    return info
