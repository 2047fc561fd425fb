"""From a graph to layers: each node is computed where its inputs are known, else it becomes layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.importers.native import Net, Tensor
from transfer.importers.onnx.arrays import array_of
from transfer.importers.onnx.call import HINT, Call, Value
from transfer.importers.onnx.fold import FOLDS, LARGEST, MOVES, bounded
from transfer.importers.onnx.graph import Graph, Node, between, census
from transfer.importers.onnx.known import Known, constant, shape_known, together
from transfer.importers.onnx.operators import OPERATORS
from transfer.importers.onnx.operators.dense import bias_of
from transfer.importers.onnx.scopes import scope_of_node

MOST_NODES = 5_000  # the largest nets in use have some 3,000; Keras needs milliseconds for each
MOST_NUMBERS = 1 << 26  # of one sample in one tensor
OWN = frozenset({"Constant", "ConstantOfShape", "If", "Shape", "Size"})


@dataclass
class Build:
    """A graph on its way into a net.

    Attributes:
        net: the layers so far.
        opset: the version of the operators.
        path: the file, for weights beside it.
        batch: the number of samples that the file fixes, None where it is open.
        values: what is known or computed, by tensor.
        constants: the weights' messages, by tensor; each is read when it is used.
        watch: is told how far it is.
    """

    net: Net
    opset: int
    path: Path
    batch: int | None
    values: dict[str, Value]
    constants: dict[str, Any]
    watch: Watch = silent
    used: frozenset[str] = frozenset()
    readers: dict[str, list[Node]] = field(default_factory=dict)
    budget: int = 2 * LARGEST

    def graph(self, graph: Graph, wanted: Sequence[str]) -> None:
        """Compute some tensors of a graph.

        Raises:
            ZooError: an operator is not supported, or does not fit.
        """
        self.constants |= graph.constants
        nodes = self._first_constants(between(graph.nodes, {*self.values, *self.constants}, wanted))
        _supported(nodes)
        outer = self.used, self.readers
        self.used = self.used | {name for node in nodes for name in node.reads} | set(wanted)
        self.readers = _readers(nodes)
        for number, node in enumerate(nodes):
            self.watch("layers", number, len(nodes), node.name)
            if not all(name in self.values for name in node.outputs if name in self.used):
                self._node(node, frozenset(wanted))
        self.used, self.readers = outer

    def value(self, name: str) -> Value:
        """Return a tensor's value; a weight is read anew each time."""
        if not name:
            return None
        if name in self.values:
            return self.values[name]
        return constant(array_of(self.constants[name], self.path), name)

    def _first_constants(self, nodes: Sequence[Node]) -> list[Node]:
        """Put what depends on no input first, so that biases are known where they are added."""
        still = {*self.constants, *(name for name, value in self.values.items() if isinstance(value, Known))}
        first: list[Node] = []
        for node in nodes:
            if node.op != "If" and still.issuperset(node.reads):
                still.update(node.outputs)
                first.append(node)
        ids = {id(node) for node in first}
        rest = [node for node in nodes if id(node) not in ids]
        if len(rest) > MOST_NODES:
            raise ZooError(
                f"the graph has {len(rest)} operations: too many for one Keras model; at most {MOST_NODES}", HINT
            )
        return first + rest

    def _node(self, node: Node, ends: frozenset[str]) -> None:
        inputs = tuple(self.value(name) for name in node.inputs)
        sources = [name for value in inputs if isinstance(value, Known) for name in value.sources]
        call = Call(node, self.opset, self.net, scope_of_node(node, sources), inputs, self.used, self.batch)
        try:
            made, outputs = self._made(call, ends)
        except ZooError as error:
            if error.message.startswith(("cannot import", "the tensor", "the graph")):
                raise
            call.refuse(error.message)  # of a layer or the net, which know no nodes
        except Exception as error:  # NumPy and Keras raise whatever a wrong shape or attribute led to
            call.refuse(f"its inputs or attributes do not fit: {(str(error).strip().splitlines() or [''])[0][:200]}")
        for name, value in zip(outputs, made, strict=False):
            if name and value is not None:
                self.values[name] = value
                self._bounded(call, value)

    def _made(self, call: Call, ends: frozenset[str]) -> tuple[Sequence[Value], tuple[str, ...]]:
        """Return a node's values, and the tensors that they are."""
        node = call.node
        if node.op in OWN:
            return self._own(call), node.outputs
        known = [value for value in call.inputs if value is None or isinstance(value, Known)]
        if len(known) == len(call.inputs) and node.op in FOLDS:
            found = together(lambda arrays: FOLDS[node.op](arrays, node.attributes), known, self._judges(node, known))
            self.budget -= sum(value.worlds[0].size for value in found)
            return found, node.outputs
        if node.op not in OPERATORS:
            call.refuse("it can only be computed beforehand, from constants")
        if node.op in ("MatMul", "Conv") and (fused := self._with_bias(call, ends)):
            return fused
        return OPERATORS[node.op](call), node.outputs

    @staticmethod
    def _judges(node: Node, known: Sequence[Known | None]) -> bool:
        """Tell whether a node makes other numbers of its inputs, or chooses by sizes that are open."""
        return node.op not in MOVES or (
            node.op != "Concat" and any(v is not None and v.same is None for v in known[1:])
        )

    def _with_bias(self, call: Call, ends: frozenset[str]) -> tuple[Sequence[Value], tuple[str, ...]] | None:
        """Give a product the bias that the only node behind it adds."""
        node, readers = call.node, self.readers.get(call.node.outputs[0], [])
        x = call.given(0)
        if len(readers) != 1 or readers[0].op != "Add" or node.outputs[0] in ends or not isinstance(x, Tensor):
            return None
        other = [name for name in readers[0].inputs if name != node.outputs[0]]
        if len(other) != 1 or not isinstance(call.given(1), Known) or (node.op == "Conv" and call.given(2) is not None):
            return None
        value = self.value(other[0]) if other[0] in self.values or other[0] in self.constants else None
        added = value.fixed if isinstance(value, Known) else None
        if added is None or added.dtype.kind != "f" or not isinstance(value, Known):
            return None
        kernel, rank = call.weight(1), len(x.order)
        units, axis = (kernel.shape[-1], 1) if node.op == "MatMul" else (kernel.shape[0], rank - 1)
        bias = bias_of(added.astype(np.float32), units, axis, rank)
        return None if bias is None else (OPERATORS[node.op](call, bias, value.sources), readers[0].outputs)

    def _own(self, call: Call) -> Sequence[Value]:
        op = call.node.op
        if op == "Constant":
            return [constant(*_held(call, self.path))]
        if op == "If":
            return self._branch(call)
        value = call.given(0)
        if op == "ConstantOfShape":
            return self._filled(call, value)
        if value is None:
            call.refuse("its input is missing")
        shape = _shape(value)
        if op == "Size":
            return together(lambda arrays: np.prod(arrays[0]), [shape])
        last = call.node.attributes.get("end")
        return together(lambda arrays: arrays[0][call.integer("start") : last], [shape])

    def _filled(self, call: Call, value: Value) -> Sequence[Value]:
        if not isinstance(value, Known):
            call.refuse("its shape is computed from data")
        message = call.node.attributes.get("value")
        number = np.zeros(1, np.float32) if message is None else array_of(message, self.path)
        filled = together(lambda arrays: np.full(bounded(arrays[0]), number.reshape(())), [value])
        self.budget -= filled[0].worlds[0].size
        return filled

    def _branch(self, call: Call) -> Sequence[Value]:
        """Take the branch of an If whose condition is known."""
        condition = call.given(0)
        chosen = condition.fixed if isinstance(condition, Known) else None
        if chosen is None:
            call.refuse("which of its branches runs depends on the data")
        graph = call.node.attributes.get("then_branch" if chosen.all() else "else_branch")
        if not isinstance(graph, Graph) or len(graph.outputs) != len(call.node.outputs):
            call.refuse("its branch is no graph with as many outputs")
        self.graph(graph, graph.outputs)
        return [self.value(name) for name in graph.outputs]

    def _bounded(self, call: Call, value: Value) -> None:
        size = prod(one or 1 for one in value.keras.shape) if isinstance(value, Tensor) else 0
        if size > MOST_NUMBERS or self.budget < 0:
            call.refuse(f"it makes more than {MOST_NUMBERS:,} numbers a sample: too many to compare")


def _held(call: Call, path: Path) -> tuple[Any, ...]:
    """Return a Constant's array, with its name."""
    attributes: Mapping[str, Any] = call.node.attributes
    name = call.node.outputs[0]
    kinds: dict[str, Any] = {
        "value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64
    }  # fmt: skip
    for key, kind in kinds.items():
        if key in attributes:
            return np.array(attributes[key], kind), name
    if attributes.get("value") is None:
        call.refuse(f"it holds {', '.join(attributes) or 'nothing'}, which is no array of numbers")
    array: NDArray[Any] = array_of(attributes["value"], path)
    return array, name


def _shape(value: Tensor | Known) -> Known:
    if isinstance(value, Tensor):
        return shape_known(value.shape, value.order[0])
    return Known((np.array(value.worlds[0].shape, np.int64), np.array(value.worlds[1].shape, np.int64)))


def _supported(nodes: Sequence[Node]) -> None:
    """Refuse all operators that are not known, in one message."""
    unknown = [node for node in nodes if node.op not in OPERATORS and node.op not in FOLDS and node.op not in OWN]
    if unknown:
        raise ZooError(f"cannot import these operators: {census(unknown)}", HINT)


def _readers(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.reads:
            found.setdefault(name, []).append(node)
    return found
