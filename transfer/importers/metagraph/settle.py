"""All shapes of a graph for any batch size, with every reshape to a constant target.

`tf.layers.flatten` and `tf.tensordot` compute targets from the input's own shape, and TensorFlow's shape functions
give up on that where the batch is unknown. So they are asked with a prime number for the batch: a size that it
divides is a multiple of the batch, any other is the same for every batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from registry.errors import ZooError
from transfer.importers.metagraph.constants import whole
from transfer.importers.metagraph.export import Shape
from transfer.importers.metagraph.graph import Graph, Node
from transfer.importers.metagraph.shapes import infer

BATCH = 10007  # prime, and no size of a layer
LARGEST = 1 << 26  # numbers that an operation makes of a sample, where no weight and no input is larger


def settled(
    graph: Graph, sources: Sequence[str], outputs: Sequence[str], leaves: Mapping[str, Shape]
) -> tuple[Graph, dict[str, Shape], dict[str, int]]:
    """Return the graph with constant targets, and the shape and type of each tensor, the batch unknown.

    Args:
        graph: the folded graph.
        sources: its inputs.
        outputs: its outputs; what they no longer need is dropped.
        leaves: the shapes of its inputs and its variables.

    Raises:
        ZooError: TensorFlow refuses the graph, or an operation makes too much to run it.
    """
    known = {source: leaves[source] or (None,) for source in sources}
    source, first = next(((s, shape[0]) for s, shape in known.items() if shape[0] is not None), ("", None))
    graph = _replaced(graph, outputs, _freed(graph, first))
    try:
        shapes, dtypes = infer(graph, {**leaves, **{s: (BATCH, *shape[1:]) for s, shape in known.items()}})
    except ZooError as error:
        if first is None:
            raise
        raise ZooError(
            f"the graph takes its input {source} {list(known[source])} in this one size: "
            f"expected any number of samples along the first axis ({error.message})",
            "name a tensor whose first axis is the batch: --input TENSOR",
        ) from error
    _check_sizes(shapes, leaves.values())
    graph = _replaced(graph, outputs, _constant_targets(graph, shapes))
    return graph, {tensor: _any_batch(shape) for tensor, shape in shapes.items()}, dtypes


def _check_sizes(shapes: Mapping[str, Shape], given: Iterable[Shape]) -> None:
    """Refuse a graph that makes gigabytes of what is small: it is run to be compared."""
    most = max([LARGEST, *map(_size, given)])
    for name, shape in shapes.items():
        if _size(shape) > most:
            raise ZooError(
                f"the node {name.partition(':')[0]} makes {_size(shape):,} numbers a sample: expected at most {most:,}",
                "name a tensor before it: --output TENSOR",
            )


def _size(shape: Shape) -> int:
    known = (size for size in shape or () if size is not None)
    return math.prod(size // BATCH if size % BATCH == 0 else size for size in known)


def _replaced(graph: Graph, outputs: Sequence[str], nodes: Iterator[Node]) -> Graph:
    """Return the graph with some nodes changed, as far as its outputs need it."""
    whole_graph = Graph(graph.nodes | {node.name: node for node in nodes})
    return Graph({name: whole_graph.nodes[name] for name in whole_graph.ordered(outputs)})


def _any_batch(shape: Shape) -> Shape:
    return None if shape is None else tuple(None if size and size % BATCH == 0 else size for size in shape)


def _freed(graph: Graph, batch: int | None) -> Iterator[Node]:
    """Yield the reshapes of a graph that was built for one batch size, for any."""
    for node in graph.nodes.values() if batch else ():
        target = whole(graph, node.inputs[1]) if node.op == "Reshape" else None
        if target and target[0] == batch and -1 not in target:
            yield from _to(node, [-1, *target[1:]])


def _constant_targets(graph: Graph, shapes: Mapping[str, Shape]) -> Iterator[Node]:
    """Yield the reshapes whose targets are computed, with the constants that they come to.

    Likewise the squeezes that name no axes: they drop those of size 1, which for a batch of 1 would be the batch too.
    """
    for node in graph.nodes.values():
        before = shapes.get(node.inputs[0]) if node.op == "Squeeze" and not node.ints("squeeze_dims") else None
        if before and None not in before:
            yield _squeezing(node, [axis for axis, size in enumerate(before) if size == 1])
        known = _any_batch(shapes.get(node.output)) if node.op == "Reshape" else None
        if known and known.count(None) <= 1 and graph.maker(node.inputs[1]).op != "Const":
            yield from _to(node, [-1 if size is None else size for size in known])


def _squeezing(node: Node, axes: list[int]) -> Node:
    if not axes:
        return replace(node, op="Identity", attr={"T": node.attr["T"]})
    return replace(node, attr={**node.attr, "squeeze_dims": AttrValue(list=AttrValue.ListValue(i=axes))})


def _to(node: Node, target: list[int]) -> Iterator[Node]:
    value = AttrValue(tensor=tf.make_tensor_proto(target, tf.int32))
    kind = AttrValue(type=tf.int32.as_datatype_enum)
    constant = Node(f"{node.name}/target", "Const", attr={"value": value, "dtype": kind})
    yield constant
    yield replace(node, inputs=(node.inputs[0], constant.output), attr={**node.attr, "Tshape": kind})
