"""Where the part of a graph begins that can be imported: behind text, loops and whatever else may not run. Pure.

Every way from an operation that may not run to the outputs is cut as low as possible, at a float32 tensor whose first
axis can be the batch. The model above the cut takes these tensors as its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.errors import ZooError
from transfer.importers.metagraph.export import Shape, graph_def, placeholder
from transfer.importers.metagraph.fold import PLACEHOLDER, Folded
from transfer.importers.metagraph.graph import FLOAT, Graph, Node, node_of
from transfer.importers.metagraph.safety import may_run

NUMBERS = frozenset({FLOAT, 3, 9})  # and int32, int64: tensorflow/core/framework/types.proto
MOST = 8  # inputs: more are no sensible start


def first_numbers(graph: Graph, outputs: Sequence[str], fits: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the lowest tensors above which everything may run; empty where there are none.

    Args:
        graph: the folded graph.
        outputs: its outputs.
        fits: whether a tensor can be an input of a model.
    """
    found: dict[str, tuple[str, ...] | None] = {}
    for name in graph.ordered(outputs):
        node = graph.nodes[name]
        lower = [found.get(node_of(tensor)) for tensor in node.inputs]
        found[name] = _cut(node, lower, fits)
    cuts = [found[node_of(output)] for output in outputs]
    tensors = tuple(dict.fromkeys(tensor for cut in cuts if cut is not None for tensor in cut))
    whole = any(cut is None for cut in cuts) or set(tensors) & set(outputs)
    return () if whole else tensors


def _cut(node: Node, lower: list[tuple[str, ...] | None], fits: Callable[[str], bool]) -> tuple[str, ...] | None:
    """Return where all ways through a node are cut; None where one of them is not."""
    if node.op in PLACEHOLDER:
        return (node.output,) if node.type("dtype", "T") in NUMBERS else None
    runs = node.op == "Variable" or may_run(node)
    if runs and all(cut is not None for cut in lower):
        return tuple(dict.fromkeys(tensor for cut in lower if cut is not None for tensor in cut))
    return (node.output,) if fits(node.output) else None


def instead(error: ZooError, folded: Folded) -> ZooError:
    """Return an error about an operation that may not run with the tensors to start from in its hint."""
    starts = starts_of(folded)
    if not starts:
        return error
    starts_there = f"start from the first tensors of numbers behind it: --input {','.join(starts)}"
    return ZooError(error.message, f"{starts_there}; or end before it: --output TENSOR")


def starts_of(folded: Folded) -> tuple[str, ...]:
    """Return the tensors of numbers from which the whole of a folded graph can be imported; empty if there are none."""
    graph = folded.graph
    shapes = static_shapes(graph)
    found = first_numbers(graph, folded.outputs, lambda tensor: _is_batch(*shapes.get(tensor, (None, 0))))
    return found if len(found) <= MOST else ()


def _is_batch(shape: Shape, dtype: int) -> bool:
    return dtype == FLOAT and shape is not None and len(shape) > 1 and shape[0] is None and None not in shape[1:]


def static_shapes(graph: Graph) -> dict[str, tuple[Shape, int]]:
    """Return shape and type of the tensors of a folded graph as far as TensorFlow knows them, running nothing."""
    import tensorflow as tf

    variables = {
        node.name: Node(node.name, "Placeholder", attr={key: node.attr[key] for key in ("dtype", "shape")})
        for node in graph.nodes.values()
        if node.op == "Variable" and {"dtype", "shape"} <= set(node.attr)
    }
    given = {
        node.name: placeholder(node.name, None, node.type("T") or FLOAT)
        for node in graph.nodes.values()
        if node.op == "Placeholder" and "dtype" not in node.attr
    }
    try:
        with tf.Graph().as_default() as built:
            tf.graph_util.import_graph_def(graph_def((graph.nodes | variables | given).values()), name="")
            tensors = [tensor for op in built.get_operations() for tensor in op.outputs]
    except (ValueError, tf.errors.OpError):
        return {}
    return {
        tensor.name: (
            None if tensor.shape.rank is None else tuple(tensor.shape.as_list()),
            int(tensor.dtype.as_datatype_enum),
        )
        for tensor in tensors
    }
