"""Nodes back into a `GraphDef` that today's TensorFlow takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tensorflow import TensorShape
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from transfer.importers.metagraph.graph import FLOAT, Graph, Node, index_of, node_of

Shape = tuple[int | None, ...] | None
HEADS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})


def graph_def(nodes: Iterable[Node]) -> Any:
    """Return a `GraphDef` of nodes, without devices and without private attributes.

    `_class` may name a node that is gone, and TensorFlow refuses the `_output_shapes` of 2018.
    """
    graph = GraphDef()
    graph.versions.producer = 27  # TensorFlow 1.12: before it, some operations had other defaults
    for node in nodes:
        graph.node.append(_proto(node))
    return graph


def _proto(node: Node) -> Any:
    proto = NodeDef(name=node.name, op=node.op, input=[*node.inputs, *(f"^{name}" for name in node.controls)])
    for name, value in node.attr.items():
        if not name.startswith("_"):
            proto.attr[name].CopyFrom(value)
    return proto


def placeholder(name: str, shape: Shape, dtype: int = FLOAT) -> Node:
    """Return a placeholder node."""
    held = AttrValue(shape=TensorShape(shape).as_proto())
    return Node(name, "Placeholder", attr={"dtype": AttrValue(type=dtype), "shape": held})


def inference_graph(graph: Graph, shapes: Mapping[str, Shape]) -> list[Node]:
    """Return a folded graph's nodes with placeholders for its leaves.

    Args:
        graph: the folded graph.
        shapes: the shapes of its leaves (the input and the variables), by tensor.
    """
    return [
        placeholder(node.name, shapes[node.output], node.type("dtype", "T") or FLOAT) if node.output in shapes else node
        for node in graph.nodes.values()
    ]


def needed_by(
    original: Any, tensors: Iterable[str], fed: Mapping[str, int] | None = None, run: Iterable[str] = ()
) -> Any:
    """Return the part of a `GraphDef` that some tensors depend on, unchanged but for what TensorFlow refuses.

    Devices of another machine, and the private attributes `_class` and `_output_shapes`, say nothing about values.

    Args:
        original: the `GraphDef`.
        tensors: what is wanted of it.
        fed: tensors that will be given, with their types: what they are made from is left out.
        run: tensors of operations that will be run for what they do.
    """
    graph, given = Graph.of(original.node), dict(fed or {})
    firsts = {node_of(tensor): dtype for tensor, dtype in given.items() if index_of(tensor) == 0}
    walls = [f"{name}:0" for name in firsts]
    inner = any(name in graph.nodes and graph.nodes[name].op not in HEADS for name in firsts)  # what waits is behind it
    needed = {*graph.ordered(tensors, walls, controls=not inner), *graph.ordered(run, controls=True)}
    part = GraphDef(versions=original.versions)
    part.node.extend(_proto(placeholder(name, None, dtype)) for name, dtype in firsts.items() if name not in needed)
    for node in original.node:
        if node.name in needed:
            copy = part.node.add()
            copy.CopyFrom(node)
            copy.device = ""
            waits = [text for text in copy.input if text.startswith("^") and text[1:] not in needed]
            copy.input[:] = [text for text in copy.input if text not in waits]
            for private in ("_class", "_output_shapes"):
                copy.attr.pop(private, None)
    part.library.function.extend(_called(part.node, original.library))
    return part


def original_def(graph_def: Any, lowered: Graph, tensors: Iterable[str]) -> Any:
    """Return the `GraphDef` that holds some tensors: the original, or the one with its functions written out.

    Args:
        graph_def: the original.
        lowered: its nodes, functions written out.
        tensors: those that must be in it.
    """
    own = {node.name for node in graph_def.node}
    if all(node_of(tensor) in own for tensor in tensors):
        return graph_def
    written = GraphDef(versions=graph_def.versions, library=graph_def.library)
    written.node.extend(_proto(node) for node in lowered.nodes.values())
    return written


def _called(nodes: Iterable[Any], library: Any) -> list[Any]:
    """Return the functions that nodes call, and those that these call."""
    functions = {function.signature.name: function for function in library.function}
    found, waiting = dict[str, Any](), list(nodes)
    while waiting:
        names = [value.func.name for value in waiting.pop().attr.values() if value.HasField("func")]
        for name in names:
            if name in functions and name not in found:
                found[name] = functions[name]
                waiting.extend(functions[name].node_def)
    return list(found.values())
