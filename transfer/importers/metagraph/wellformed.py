"""Whether a graph is one at all: what follows may then rely on every node's inputs and attributes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tensorflow.core.framework import types_pb2
from tensorflow.python.framework import op_def_registry

from registry.errors import ZooError
from transfer.importers.metagraph.graph import Graph

TYPES = frozenset(types_pb2.DataType.values())


def check_form(graph_def: Any) -> None:
    """Refuse a graph whose nodes are ambiguous or incomplete.

    Operations that this TensorFlow does not know are let through: they may not be needed.

    Raises:
        ZooError: it is; the message names the first node and what is wrong with it.
    """
    problems = (*_problems(graph_def.node), *_unread(graph_def.node))
    inner = (problem for function in graph_def.library.function for problem in _inside(function))
    for problem in (*problems, *inner):
        raise ZooError(f"the graph is damaged: {problem}", "copy the file again, or save the graph again")


def check_order(graph: Graph) -> None:
    """Refuse a graph in which a node reads what it makes; a loop of `tf.while_loop` (`NextIteration`) is none.

    Raises:
        ZooError: it does; the message names a node of the circle.
    """
    done: set[str] = set()
    for name in graph.ordered([node.output for node in graph.nodes.values()]):
        done.add(name)
        if not done.issuperset(graph.needs(name, frozenset(), controls=False)):
            raise ZooError(f"the graph is damaged: node {name} reads what it makes", "copy the file again")


def _problems(nodes: Iterable[Any]) -> Iterable[str]:
    counted = Counter(node.name for node in nodes)
    yield from (f"{count} nodes are named {name!r}" for name, count in counted.items() if count > 1 or not name)
    yield from (f"a node is called {n.name!r}, of type {n.op!r}" for n in nodes if not f"{n.name}{n.op}".isprintable())
    for node in nodes:
        types = [kind for value in node.attr.values() for kind in (value.type, *value.list.type)]
        yield from (f"node {node.name} has the type number {n}, which there is not" for n in types if n not in TYPES)
        yield from _misfits(node)


def _unread(nodes: Iterable[Any]) -> Iterable[str]:
    names = {node.name for node in nodes}
    for node in nodes:
        absent = [text for text in node.input if text.removeprefix("^").partition(":")[0] not in names]
        yield from (f"node {node.name} reads {text!r}, which is not there" for text in absent)


def _inside(function: Any) -> Iterable[str]:
    """Check a function's body.

    It reads arguments, and `node:output:index` (tensorflow/core/framework/function.proto).
    """
    yield from _problems(function.node_def)
    name, nodes = function.signature.name, {node.name for node in function.node_def}
    arguments = {argument.name for argument in function.signature.input_arg}
    lost = [result.name for result in function.signature.output_arg if result.name not in function.ret]
    yield from (f"the function {name} does not return {result}" for result in lost)
    read = [text for node in function.node_def for text in node.input if not text.startswith("^")]
    for text in (*read, *function.ret.values()):
        made = text.split(":")
        if text not in arguments and not (len(made) == 3 and made[0] in nodes and made[2].isdigit()):
            yield f"the function {name} reads {text!r}, which is not there"


def _misfits(node: Any) -> Iterable[str]:
    """Compare a node with the definition of its operation."""
    definition = op_def_registry.get(node.op)
    if definition is None:
        return
    absent = [a.name for a in definition.attr if a.name not in node.attr and not a.HasField("default_value")]
    if absent:
        yield f"node {node.name} ({node.op}) lacks {', '.join(absent)}"
        return
    wanted = sum(count(node, argument) for argument in definition.input_arg)
    given = sum(not text.startswith("^") for text in node.input)
    if given != wanted:
        yield f"node {node.name} ({node.op}) reads {given} tensors, expected {wanted}"


def outputs(node: Any) -> float:
    """Return how many tensors a node makes; without limit where this TensorFlow does not know its operation."""
    definition = op_def_registry.get(node.op)
    return sum(count(node, argument) for argument in definition.output_arg) if definition else math.inf


def count(node: Any, argument: Any) -> int:
    """Return how many tensors an argument of an operation (`OpDef.ArgDef`) stands for at a node."""
    if argument.number_attr:
        return int(node.attr[argument.number_attr].i)
    if argument.type_list_attr:
        return len(node.attr[argument.type_list_attr].list.type)
    return 1
