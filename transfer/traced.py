"""A function traced once for arguments of known shapes, whose graph goes when it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry


def traced(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return the concrete function that `tf.function` makes for some arguments.

    For each custom gradient in a graph (that of `tf.nn.silu` is one), TensorFlow notes how it is computed under a name
    of its own, and keeps this note to the end of the process: with it the graph, and the variables that it reads.
    Gradients that are taken inside the function stand in its graph by now, so the notes are thrown away; none can be
    taken through it from outside. Where tracing fails, its notes stay: nobody can say then which are its own.

    Args:
        function: gets tensors.
        arguments: tensors or their specs.
        options: as `tf.function` takes them.
    """
    before = set(gradient_registry.list())
    made = tf.function(function, **options).get_concrete_function(*arguments)
    if added := set(gradient_registry.list()) - before:  # some perhaps by other threads, for their graphs
        for name in added.intersection(_gradients(made.graph.as_graph_def())):
            del gradient_registry._registry[name]  # there is no public way
    return made


def _gradients(graph: Any) -> Iterator[str]:
    """Yield the names of custom gradients in a graph and its loops and branches.

    Functions that it calls are left out: they may have been traced for good, and gradients of them be wanted later.
    """
    functions = {function.signature.name: function.node_def for function in graph.library.function}
    waiting = [graph.node]
    while waiting:
        for node in waiting.pop():
            if "_gradient_op_type" in node.attr:
                yield node.attr["_gradient_op_type"].s.decode()
            if "PartitionedCall" not in node.op:
                waiting += [functions.pop(name) for name in _called(node) if name in functions]


def _called(node: Any) -> Iterator[str]:
    for attribute in node.attr.values():
        yield attribute.func.name
        yield from (function.name for function in attribute.list.func)
