"""Fold a graph to what it computes in inference: no switches, no passing on, no dropout masks. Pure, over `Graph`.

A 2018 graph holds both of its ways, for training and for inference: `Switch` sends a value down one of them, by a
predicate, and `Merge` takes what arrives (Yu et al. 2018, "Dynamic control flow in large-scale machine
learning"). With the predicate known one way is dead: each `Merge` is its one live input, each `Switch` its data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

from transfer.importers.metagraph.constants import Values, evaluate
from transfer.importers.metagraph.dropout import Dropout, dropout
from transfer.importers.metagraph.graph import BOOL, FLOAT, VARIABLES, Graph, Node, node_of

PASSED = frozenset({"Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot", "RefIdentity",
                    "ReadVariableOp", "EnsureShape", "PlaceholderWithDefault", "IdentityN"})  # fmt: skip
INT32 = 3  # tensorflow/core/framework/types.proto
ZERO = TensorProto(dtype=INT32, tensor_shape=TensorShapeProto(), int_val=[0])
SWITCH = frozenset({"Switch", "RefSwitch"})
MERGE = frozenset({"Merge", "RefMerge"})
PLACEHOLDER = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})

# A boolean placeholder says "training", unless its name says the contrary.
CONTRARY = re.compile(r"(^|[/_])(is_)?(test|testing|infer|inference|eval|evaluation|predict|deterministic)(_\d+)?$")


@dataclass(frozen=True)
class Folded:
    """A graph of inference alone.

    Attributes:
        graph: its nodes; variables are leaves, and so are placeholders. Control edges are gone.
        outputs: the tensors that stand for those asked for.
        dropouts: the recognised dropouts, by the node that stands for each: an `Identity`.
        value: for each tensor of the original the one that stands for it.
    """

    graph: Graph
    outputs: tuple[str, ...]
    dropouts: dict[str, Dropout]
    value: dict[str, str]


def flags(graph: Graph, training: bool = False) -> Values:
    """Return what each scalar boolean placeholder is fed: whether this is training.

    Args:
        graph: the original graph.
        training: which of the two is wanted.
    """
    found = (node for node in graph.nodes.values() if node.op in PLACEHOLDER and is_flag(node))
    return {node.output: np.asarray(training != bool(CONTRARY.search(node.name))) for node in found}


def is_flag(node: Node) -> bool:
    """Tell whether a placeholder holds one boolean."""
    return node.type("dtype") == BOOL and node.shape() in (None, ())


def fold(graph: Graph, outputs: Sequence[str], sources: Iterable[str] = (), training: bool = False) -> Folded:
    """Return what some tensors are computed from, in inference.

    Args:
        graph: the original graph.
        outputs: the tensors.
        sources: tensors to take as given: they become placeholders.
        training: fold to the other way instead.
    """
    given = frozenset(sources)
    work = _Folding(graph, given, flags(graph, training))
    for name in graph.ordered(outputs, given, controls=True):
        work.step(graph.nodes[name])
    ends = tuple(work.value.get(output, output) for output in outputs)
    kept = Graph(work.nodes)
    order = kept.ordered(ends, given)
    nodes = {name: kept.nodes[name] for name in order} | _leaves(graph, kept, order, given)
    dropouts = {name: found for name, found in work.dropouts.items() if name in nodes}
    return Folded(Graph(nodes), ends, dropouts, work.value)


def _leaves(graph: Graph, kept: Graph, order: list[str], given: frozenset[str]) -> dict[str, Node]:
    """Return the given tensors that the kept nodes read, as placeholders."""
    read = {tensor for name in order for tensor in kept.nodes[name].inputs}
    return {
        node_of(tensor): Node(node_of(tensor), "Placeholder", attr=graph.maker(tensor).attr) for tensor in read & given
    }


def is_array(node: Node) -> bool:
    """Tell whether a placeholder holds an array of float32: it may be the input."""
    return node.op in PLACEHOLDER and node.type("dtype") == FLOAT and bool(node.shape())


@dataclass
class _Folding:
    """What is known so far, node by node."""

    graph: Graph
    given: frozenset[str]
    known: Values
    value: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    nodes: dict[str, Node] = field(default_factory=dict)
    dropouts: dict[str, Dropout] = field(default_factory=dict)

    def step(self, node: Node) -> None:
        if node.op in MERGE:
            self._merge(node)
            return
        reached = not any(self._is_dead(tensor) for tensor in node.inputs) and self.dead.isdisjoint(node.controls)
        if not reached:
            self.dead.add(node.name)
        if node.op in SWITCH:
            self._switch(node)
        elif node.op in PASSED and node.inputs and not is_array_default(node):
            self.value |= {f"{node.name}:{k}": self._now(tensor) for k, tensor in enumerate(node.inputs)}
        else:
            self._keep(node, reached)

    def _is_dead(self, tensor: str) -> bool:
        return tensor in self.dead or node_of(tensor) in self.dead

    def _now(self, tensor: str) -> str:
        return self.value.get(tensor, tensor)

    def _switch(self, node: Node) -> None:
        chosen = evaluate(self.graph, node.inputs[1], self.known)
        if chosen is None or chosen.size != 1:
            self.nodes[node.name] = Node(node.name, node.op, tuple(map(self._now, node.inputs)), (), node.attr)
            return
        self.dead.add(f"{node.name}:{0 if chosen.reshape(()) else 1}")
        self.value |= {f"{node.name}:{k}": self._now(node.inputs[0]) for k in (0, 1)}

    def _merge(self, node: Node) -> None:
        live = [tensor for tensor in node.inputs if not self._is_dead(tensor)]
        if not live:
            self.dead.add(node.name)
            live = list(node.inputs[:1])
        if len(live) > 1:
            attr = {**node.attr, "N": AttrValue(i=len(live))}
            self.nodes[node.name] = Node(node.name, node.op, tuple(map(self._now, live)), (), attr)
            return
        found = next((match for tensor in node.inputs if (match := self._dropped(tensor, live[0]))), None)
        if found is None:
            self.value[node.output] = self._now(live[0])
        else:
            self._drop(node, found)

    def _dropped(self, tensor: str, live: str) -> Dropout | None:
        """Return the dropout of a dead way whose live way only passes on what it reads."""
        found = dropout(self.graph, tensor) if tensor != live and tensor in self.graph else None
        return found if found and self._now(found.source) == self._now(live) else None

    def _drop(self, node: Node, found: Dropout) -> None:
        self.nodes[node.name] = Node(node.name, "Identity", (self._now(found.source),), (), {"T": node.attr["T"]})
        self.dropouts[node.name] = found

    def _keep(self, node: Node, reached: bool) -> None:
        found = dropout(self.graph, node.output) if reached else None
        if found:
            self._drop(node, found)
        elif node.op == "ResourceGather" and not ("batch_dims" in node.attr and node.attr["batch_dims"].i):
            self._gather(node)
        elif node.op in VARIABLES:
            self.nodes[node.name] = Node(node.name, "Variable", attr=node.attr)
        else:
            self.nodes[node.name] = Node(node.name, node.op, tuple(map(self._now, node.inputs)), (), node.attr)

    def _gather(self, node: Node) -> None:
        """Write the gathering of a resource's rows as that of an array's."""
        whole = AttrValue(type=INT32)
        axis = Node(f"{node.name}/axis", "Const", attr={"dtype": whole, "value": AttrValue(tensor=ZERO)})
        attr = {"Tparams": node.attr["dtype"], "Tindices": node.attr["Tindices"], "Taxis": whole}
        self.nodes[axis.name] = axis
        self.nodes[node.name] = Node(node.name, "GatherV2", (*map(self._now, node.inputs), axis.output), (), attr)


def is_array_default(node: Node) -> bool:
    """Tell whether a node is a placeholder with a default that may be the input."""
    return node.op == "PlaceholderWithDefault" and is_array(node)
