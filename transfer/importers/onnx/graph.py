"""An ONNX graph as values: nodes in order, what each reads, and the part between some tensors. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.errors import ZooError
from transfer.importers.onnx.messages import text

STANDARD = ("", "ai.onnx")
Attribute = Any  # a number, bytes, a list of these, a Tensor message, or a Graph


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: the file's, or its operator with a number where it has none.
        op: its operator, with the domain before it where that is not the standard one: `com.microsoft::Gelu`.
        inputs: the tensors that it reads, `""` for one that is left out.
        outputs: the tensors that it makes, likewise.
        attributes: by name.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def reads(self) -> frozenset[str]:
        """All tensors that must be there before: its inputs, and what graphs within it take from around them."""
        inner = (value.free for value in self.attributes.values() if isinstance(value, Graph))
        return frozenset(filter(None, self.inputs)).union(*inner)


@dataclass(frozen=True)
class Graph:
    """Nodes in any order, constants and the names at its ends."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def free(self) -> frozenset[str]:
        """The tensors that a graph within a node takes from the graph around it."""
        made = {name for node in self.nodes for name in node.outputs} | {*self.inputs, *self.constants}
        read = {name for node in self.nodes for name in node.reads} | set(self.outputs)
        return frozenset(read - made)


def graph_of(message: Any) -> Graph:
    """Return the graph of a `Graph` message."""
    nodes = tuple(_node(node, number) for number, node in enumerate(message.node))
    constants = {text(tensor.name): tensor for tensor in message.initializer}
    inputs = tuple(name for value in message.input if (name := text(value.name)) not in constants)
    return Graph(nodes, constants, inputs, tuple(text(value.name) for value in message.output))


def _node(node: Any, number: int) -> Node:
    kind, domain = text(node.op_type), text(node.domain)
    op = kind if domain in STANDARD else f"{domain}::{kind}"
    attributes = {text(item.name): _attribute(item) for item in node.attribute}
    inputs, outputs = (tuple(map(text, names)) for names in (node.input, node.output))
    return Node(text(node.name) or f"{kind}_{number}", op, inputs, outputs, attributes)


def _attribute(item: Any) -> Attribute:
    """Return an attribute's value: the field that `type` names (`AttributeProto.AttributeType`)."""
    fields = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    if item.type == 5:
        return graph_of(item.g)
    if item.type not in fields:
        return None
    value = getattr(item, fields[item.type])
    return tuple(value) if item.type in (6, 7, 8) else value


def between(nodes: Sequence[Node], given: Collection[str], wanted: Iterable[str]) -> tuple[Node, ...]:
    """Return the nodes that make some tensors out of others, each after those that it reads.

    Args:
        nodes: all of them, in any order.
        given: tensors that are there: inputs and constants.
        wanted: the tensors to make.

    Raises:
        ZooError: a tensor is made by no node, or the nodes form a cycle.
    """
    made_by = {name: node for node in nodes for name in node.outputs if name}
    done: dict[str, None] = {}
    found: list[Node] = []
    entered: set[str] = set()
    stack = [(name, "the outputs", False) for name in reversed(list(wanted))]
    while stack:
        name, reader, left = stack.pop()
        if name in done or name in given:
            continue
        node = made_by.get(name)
        if node is None:
            raise ZooError(f"the tensor {name} is neither an input, a weight nor made by a node; {reader} read it")
        if left:
            found.append(node)
            done |= dict.fromkeys(node.outputs)
            continue
        if name in entered:
            raise ZooError(f"the graph has a cycle through the node {node.name} ({node.op})")
        entered.update(node.outputs)
        stack.append((name, reader, True))
        stack += [(read, f"the node {node.name} ({node.op})", False) for read in sorted(node.reads - done.keys())]
    return tuple(found)


def census(nodes: Iterable[Node]) -> str:
    """Count operators, for an error: `If (2 nodes, the first is gate), com.x::Foo (1 node, bar)`."""
    held = list(nodes)
    first = {node.op: node.name for node in reversed(held)}
    counts = Counter(node.op for node in held)
    return ", ".join(
        f"{op} (node {first[op]})" if count == 1 else f"{op} ({count} nodes, the first is {first[op]})"
        for op, count in sorted(counts.items())
    )
