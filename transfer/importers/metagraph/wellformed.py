"""Whether a graph is one at all: what follows may then rely on every node's inputs and attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tensorflow.python.framework import op_def_registry

from registry.errors import ZooError


def check_form(graph_def: Any) -> None:
    """Refuse a graph whose nodes are ambiguous or incomplete.

    Operations that this TensorFlow does not know are let through: they may not be needed.

    Raises:
        ZooError: it is; the message names the first node and what is wrong with it.
    """
    problems = _problems(graph_def.node, functions=False)
    inner = (problem for function in graph_def.library.function for problem in _problems(function.node_def, True))
    for problem in (*problems, *inner):
        raise ZooError(f"the graph is damaged: {problem}", "copy the .meta file again, or save the graph again")


def _problems(nodes: Iterable[Any], functions: bool) -> Iterable[str]:
    counted = Counter(node.name for node in nodes)
    yield from (f"{count} nodes are named {name!r}" for name, count in counted.items() if count > 1 or not name)
    for node in nodes:
        if not functions:
            absent = [text for text in node.input if text.removeprefix("^").partition(":")[0] not in counted]
            yield from (f"node {node.name} reads {text!r}, which is not there" for text in absent)
        yield from _misfits(node)


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


def count(node: Any, argument: Any) -> int:
    """Return how many tensors an argument of an operation (`OpDef.ArgDef`) stands for at a node."""
    if argument.number_attr:
        return int(node.attr[argument.number_attr].i)
    if argument.type_list_attr:
        return len(node.attr[argument.type_list_attr].list.type)
    return 1
