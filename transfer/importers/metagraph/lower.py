"""Write functions out: a call becomes its body, and `If` becomes `Switch` and `Merge` around its two bodies.

So control flow of both kinds, of TensorFlow 1 and of version 2, is folded by the same code. TensorFlow's own
runtime lowers `If` the same way (tensorflow/core/common_runtime/lower_if_op.cc).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.python.framework import op_def_registry

from registry.errors import ZooError
from transfer.importers.metagraph.graph import BOOL, Graph, Node, parse
from transfer.importers.metagraph.wellformed import check_form, check_order, count

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
BRANCHES = frozenset({"If", "StatelessIf"})
LARGEST = 500_000  # nodes: functions that call functions can grow without bound


def lowered(graph_def: Any) -> Graph:
    """Return a graph's nodes with all branches and calls written out.

    Raises:
        ZooError: the graph is damaged, or functions are missing, call themselves, or grow too large.
    """
    check_form(graph_def)
    work = _Lowering({function.signature.name: function for function in graph_def.library.function})
    work.add(map(_parsed, graph_def.node))
    graph = Graph(work.nodes)
    check_order(graph)
    return graph


@dataclass
class _Lowering:
    functions: Mapping[str, Any]
    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            if len(self.nodes) > LARGEST:
                raise ZooError(f"the graph's functions unfold to more than {LARGEST} operations")
            if node.op in CALLS:
                self._call(node)
            elif node.op in BRANCHES:
                self._branch(node)
            else:
                self.nodes[node.name] = node

    def _call(self, node: Node) -> None:
        results = self._inline(node.attr["f"].func.name, f"{node.name}/", node.inputs, node.controls)
        self.nodes[node.name] = Node(node.name, "IdentityN", tuple(results), node.controls, {"T": node.attr["Tout"]})

    def _branch(self, node: Node) -> None:
        """Send the arguments down the way that the predicate chooses; take the results from where they come."""
        name, (chosen, *arguments) = node.name, node.inputs
        self.nodes[f"{name}/pred"] = Node(f"{name}/pred", "Switch", (chosen, chosen), attr={"T": _type(BOOL)})
        results = [self._way(node, arguments, way) for way in (0, 1)]
        types = node.attr["Tout"].list.type
        if {len(types)} != {len(found) for found in results}:
            raise ZooError(f"the graph is damaged: the ways of {name} do not make {len(types)} tensors")
        merges = [
            Node(f"{name}/merge_{k}", "Merge", pair, attr={"T": _type(types[k]), "N": AttrValue(i=2)})
            for k, pair in enumerate(zip(*results, strict=True))
        ]
        self.nodes |= {merge.name: merge for merge in merges}
        held = {"T": node.attr["Tout"]}
        self.nodes[name] = Node(name, "IdentityN", tuple(merge.output for merge in merges), node.controls, held)

    def _way(self, node: Node, arguments: Sequence[str], way: int) -> list[str]:
        name, branch = node.name, "then" if way else "else"
        pivot = Node(f"{name}/{branch}/pivot", "Identity", (f"{name}/pred:{way}",), attr={"T": _type(BOOL)})
        self.nodes[pivot.name] = pivot
        sent = []
        for k, (argument, kind) in enumerate(zip(arguments, node.attr["Tin"].list.type, strict=False)):
            held = {"T": _type(kind)}
            switch = Node(f"{name}/{branch}/argument_{k}", "Switch", (argument, node.inputs[0]), attr=held)
            self.nodes[switch.name] = switch
            sent.append(f"{switch.name}:{way}")
        function = node.attr[f"{branch}_branch"].func.name
        return self._inline(function, f"{name}/{branch}/", sent, (pivot.name,))

    def _inline(self, name: str, prefix: str, arguments: Sequence[str], controls: tuple[str, ...]) -> list[str]:
        """Add a function's body under a prefix and return its results."""
        function = self.functions.get(name)
        if function is None:
            raise ZooError(f"the graph calls the function {name}, which it does not hold", "save the graph again")
        if prefix.count("/") > 100:
            raise ZooError(f"the graph's function {name} calls itself", "name a lower output: --output TENSOR")
        if len(function.signature.input_arg) != len(arguments):
            raise ZooError(f"the graph is damaged: {prefix[:-1]} calls {name} with {len(arguments)} tensors")
        body = _Body(function, prefix, arguments)
        self.add(body.node(proto, controls) for proto in function.node_def)
        return [body.tensor(function.ret[result.name]) for result in function.signature.output_arg]


class _Body:
    """A function's own names, and what they are called in the graph."""

    def __init__(self, function: Any, prefix: str, arguments: Sequence[str]) -> None:
        self.prefix = prefix
        self.arguments = {a.name: tensor for a, tensor in zip(function.signature.input_arg, arguments, strict=True)}
        self.protos = {proto.name: proto for proto in function.node_def}

    def node(self, proto: Any, controls: tuple[str, ...]) -> Node:
        """Return a node of the body as one of the graph; a node that reads nothing waits for `controls`."""
        data = tuple(self.tensor(text) for text in proto.input if not text.startswith("^"))
        own = tuple(f"{self.prefix}{text[1:]}" for text in proto.input if self._is_inner(text))
        waits = own if data else (*own, *controls)
        return replace(_parsed(proto), name=f"{self.prefix}{proto.name}", inputs=data, controls=waits)

    def _is_inner(self, text: str) -> bool:
        return text.startswith("^") and text[1:] in self.protos

    def tensor(self, text: str) -> str:
        """Translate `argument`, or `node:output:index` (tensorflow/core/framework/function.proto)."""
        if text in self.arguments:
            return self.arguments[text]
        node, output, index = text.split(":")
        return f"{self.prefix}{node}:{_start(self.protos[node], output) + int(index)}"


def _parsed(proto: Any) -> Node:
    """Read a `NodeDef`, with the attributes that are left out of it because they have their default values."""
    node, definition = parse(proto), op_def_registry.get(proto.op)
    absent = (
        [a for a in definition.attr if a.name not in node.attr and a.HasField("default_value")] if definition else []
    )
    return replace(node, attr={**node.attr, **{a.name: a.default_value for a in absent}}) if absent else node


def _type(kind: int) -> Any:
    return AttrValue(type=kind)


def _start(proto: Any, output: str) -> int:
    """Return at which of a node's outputs a named group of outputs begins."""
    definition = op_def_registry.get(proto.op)
    if definition is None:
        raise ZooError(f"the operation {proto.op} (node {proto.name}) is unknown to this TensorFlow")
    start = 0
    for argument in definition.output_arg:
        if argument.name == output:
            return start
        start += count(proto, argument)
    raise ZooError(f"the operation {proto.op} (node {proto.name}) has no output {output}")
