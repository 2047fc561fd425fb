"""Constants that are weights become variables again: the inverse of freezing a graph. Pure, over `Graph`.

`tf.graph_util.convert_variables_to_constants` put a constant in each variable's place, under its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from transfer.importers.metagraph.constants import evaluate
from transfer.importers.metagraph.graph import FLOAT, Graph, Node

LEAST = 16  # numbers in a matrix; a smaller one is a table of settings
DEEPEST = 10  # operations that only pass a constant on
COLOURS = 4  # a vector of up to so many numbers that is added to or multiplied is one of settings too: a mean, a scale;
# unless it was a variable
ARITHMETIC = frozenset({"Add", "AddV2", "Sub", "Mul"})
KERNELS = frozenset({"MatMul", "Conv2D", "DepthwiseConv2dNative", "Conv3D", "Squeeze", "Reshape", "BatchToSpaceND"})
READ = re.compile(r"(^|/)ReadVariableOp(_\d+)?(/|$)")
PASSES = frozenset({"Identity", "ReadVariableOp", "Switch", "Merge"})

# Operations that take an array of weights: which of their inputs it is.
TAKES: dict[str, tuple[int, ...]] = {
    "MatMul": (0, 1),
    "BatchMatMul": (0, 1),
    "BatchMatMulV2": (0, 1),
    "Conv2D": (1,),
    "Conv3D": (1,),
    "DepthwiseConv2dNative": (1,),
    "Conv2DBackpropInput": (1,),
    "BiasAdd": (1,),
    "FusedBatchNorm": (1, 2, 3, 4),
    "FusedBatchNormV2": (1, 2, 3, 4),
    "FusedBatchNormV3": (1, 2, 3, 4),
    "Gather": (0,),
    "GatherV2": (0,),
    "Add": (0, 1),
    "AddV2": (0, 1),
    "Sub": (0, 1),
    "Mul": (0, 1),
    "Rsqrt": (0,),
    "Reshape": (0,),
    "ExpandDims": (0,),
    "Squeeze": (0,),
    "Transpose": (0,),
    "Neg": (0,),
}


def thawed(graph: Graph) -> tuple[Graph, dict[str, np.ndarray[Any, Any]]]:
    """Return a graph with variables in place of the constants that are weights, and their values by tensor.

    Args:
        graph: the frozen graph.
    """
    values = dict(_weights(graph))
    heads = {name: _variable(graph.nodes[name]) for name in (tensor[:-2] for tensor in values)}
    return Graph(graph.nodes | heads), values


def _weights(graph: Graph) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    for node in graph.nodes.values():
        if node.op != "Const" or node.type("dtype") != FLOAT:
            continue
        sizes, was = _sizes(node), _was_variable(graph, node)
        if 0 in sizes or not (was or _large(sizes)):
            continue
        small = math.prod(sizes) <= COLOURS and not was
        value = evaluate(graph, node.output) if _is_taken(graph, node.output, small) else None
        if value is not None:
            yield node.output, value


def _was_variable(graph: Graph, node: Node) -> bool:
    """Tell whether freezing has left what read the variable: it becomes an `Identity` of the same name."""
    readers = (graph.nodes[name] for name in graph.readers.get(node.output, ()))
    return any(one.op in PASSES and (one.name == f"{node.name}/read" or READ.search(one.name)) for one in readers)


def _sizes(node: Node) -> list[int]:
    return [dim.size for dim in node.attr["value"].tensor.tensor_shape.dim]


def _large(sizes: list[int]) -> bool:
    """Tell whether a constant may be a weight: a vector, or a matrix that is no table of settings."""
    return bool(sizes) and (len(sizes) == 1 or math.prod(sizes) >= LEAST)


def _is_taken(graph: Graph, tensor: str, small: bool, depth: int = 0) -> bool:
    """Tell whether an operation reads a tensor as its weights."""
    for name in graph.readers.get(tensor, ()):
        node = graph.nodes[name]
        if node.op in PASSES and depth < DEEPEST:
            ways = (f"{name}:{k}" for k in range(2 if node.op == "Switch" else 1))
            if any(_is_taken(graph, way, small, depth + 1) for way in ways):
                return True
        if any(at < len(node.inputs) and node.inputs[at] == tensor for at in TAKES.get(node.op, ())):
            return node.op not in ARITHMETIC or not small or any(graph.maker(t).op in KERNELS for t in node.inputs)
    return False


def _variable(node: Node) -> Node:
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    shape = AttrValue(shape=node.attr["value"].tensor.tensor_shape)
    return Node(node.name, "VariableV2", attr={"dtype": node.attr["dtype"], "shape": shape})
