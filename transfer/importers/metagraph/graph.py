"""A TensorFlow graph as plain values: nodes by name, tensors as `name:index`. Pure: no TensorFlow.

Names follow `GraphDef` (tensorflow/core/framework/graph.proto): an input is `node`, `node:index` or `^node` for a
control edge. Here every tensor is written out, `node:0`, so that equal tensors are equal text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

FLOAT, BOOL, STRING = 1, 10, 7  # tensorflow/core/framework/types.proto

VARIABLES = frozenset({"VariableV2", "Variable", "VarHandleOp"})
REF_OFFSET = 100  # DT_FLOAT_REF is DT_FLOAT + 100


def canonical(text: str) -> str:
    """Write a tensor's name in full.

    >>> canonical("X"), canonical("cond/Switch:1")
    ('X:0', 'cond/Switch:1')
    """
    name, colon, index = text.rpartition(":")
    return f"{name}:{index}" if colon and index.isdigit() else f"{text}:0"


def node_of(tensor: str) -> str:
    """Return the name of the node that makes a tensor.

    >>> node_of("cond/Switch:1")
    'cond/Switch'
    """
    return tensor.rpartition(":")[0]


def index_of(tensor: str) -> int:
    """Return which of its node's outputs a tensor is."""
    return int(tensor.rpartition(":")[2])


def scope(name: str) -> str:
    """Return the path that holds a node, empty at the top.

    >>> scope("dnn/hidden1/MatMul"), scope("X")
    ('dnn/hidden1', '')
    """
    return name.rpartition("/")[0]


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: its path.
        op: its type, such as `MatMul`.
        inputs: the tensors that it reads, in order, written out.
        controls: the nodes that must run before it.
        attr: its attributes by name, as `AttrValue` messages.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    attr: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """Its first output."""
        return f"{self.name}:0"

    def text(self, name: str, default: str = "") -> str:
        """A string attribute."""
        return self.attr[name].s.decode(errors="replace") if name in self.attr else default

    def ints(self, name: str) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers; empty where it is absent."""
        return tuple(self.attr[name].list.i) if name in self.attr else ()

    def flag(self, name: str) -> bool:
        """A boolean attribute; False where it is absent."""
        return bool(name in self.attr and self.attr[name].b)

    def real(self, name: str, default: float) -> float:
        """A floating-point attribute."""
        return float(self.attr[name].f) if name in self.attr else default

    def type(self, *names: str) -> int:
        """The first of these type attributes that is there, without its reference bit; 0 where there is none."""
        found = next((int(self.attr[name].type) for name in names if name in self.attr), 0)
        return found - REF_OFFSET if found > REF_OFFSET else found

    def shape(self, name: str = "shape") -> tuple[int | None, ...] | None:
        """A shape attribute, unknown sizes as None; None where the rank is unknown."""
        if name not in self.attr or self.attr[name].shape.unknown_rank:
            return None
        return tuple(None if dim.size < 0 else int(dim.size) for dim in self.attr[name].shape.dim)


def parse(proto: Any) -> Node:
    """Read a `NodeDef`."""
    data = tuple(canonical(text) for text in proto.input if not text.startswith("^"))
    controls = tuple(text[1:] for text in proto.input if text.startswith("^"))
    return Node(proto.name, proto.op, data, controls, dict(proto.attr))


@dataclass(frozen=True)
class Graph:
    """Nodes by name."""

    nodes: dict[str, Node]

    @classmethod
    def of(cls, protos: Iterable[Any]) -> Graph:
        """Read the nodes of a `GraphDef`."""
        return cls({proto.name: parse(proto) for proto in protos})

    def maker(self, tensor: str) -> Node:
        """Return the node that makes a tensor."""
        return self.nodes[node_of(tensor)]

    def __contains__(self, tensor: str) -> bool:
        return node_of(tensor) in self.nodes

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """The nodes that read each tensor."""
        found: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for tensor in dict.fromkeys(node.inputs):
                found.setdefault(tensor, []).append(node.name)
        return {tensor: tuple(names) for tensor, names in found.items()}

    def only_reader(self, tensor: str) -> Node | None:
        """Return the one node that reads a tensor; None where there are none or several."""
        names = self.readers.get(tensor, ())
        return self.nodes[names[0]] if len(names) == 1 else None

    def needs(self, name: str, stop: frozenset[str], controls: bool) -> Iterator[str]:
        """Yield the nodes that a node reads, in order, as far as the graph holds them.

        A loop's back edge (`NextIteration`) is left out, so that what remains has an order.
        """
        node = self.nodes[name]
        if node.op == "NextIteration":
            return
        yield from (node_of(tensor) for tensor in node.inputs if tensor not in stop and tensor in self)
        if controls:
            yield from (name for name in node.controls if name in self.nodes)

    def ordered(self, ends: Iterable[str], stop: Iterable[str] = (), controls: bool = False) -> list[str]:
        """List the nodes that some tensors depend on, each after those that it reads.

        Args:
            ends: the tensors.
            stop: tensors beyond which nothing is followed.
            controls: follow control edges too.
        """
        walls, done = frozenset(stop), dict[str, None]()
        opened: set[str] = set()
        stack = [(node_of(end), False) for end in ends if end not in walls]
        while stack:
            name, finished = stack.pop()
            if finished:
                done[name] = None
            elif name not in opened:
                opened.add(name)
                stack.append((name, True))
                stack.extend((need, False) for need in reversed(list(self.needs(name, walls, controls))))
        return list(done)
