"""The static shape and type of every tensor of a folded graph, by TensorFlow's own shape functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.metagraph.checkpoint import reason
from transfer.importers.metagraph.export import Shape, graph_def, inference_graph, needed_by
from transfer.importers.metagraph.graph import Graph


def infer(graph: Graph, leaves: Mapping[str, Shape]) -> tuple[dict[str, Shape], dict[str, int]]:
    """Return the shapes of all tensors, unknown sizes as None, and their types as in types.proto.

    Args:
        graph: the folded graph.
        leaves: the shapes of its input and its variables.

    Raises:
        ZooError: TensorFlow refuses the graph.
    """
    with tf.Graph().as_default() as built:
        try:
            tf.graph_util.import_graph_def(graph_def(inference_graph(graph, leaves)), name="")
        except (ValueError, tf.errors.OpError) as error:
            raise ZooError(
                f"TensorFlow {tf.__version__} refuses this graph: {reason(error)}",
                "name a tensor before the operation that is refused: --output NAME",
            ) from error
        tensors = [tensor for op in built.get_operations() for tensor in op.outputs]
        types = {tensor.name: int(tensor.dtype.as_datatype_enum) for tensor in tensors}
        return {tensor.name: _dims(tensor) for tensor in tensors}, types


def _dims(tensor: tf.Tensor) -> Shape:
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def inner(graph_def: Any, tensor: str) -> tuple[Shape, int]:
    """Return shape and type of a tensor inside a graph, which becomes an input.

    Raises:
        ZooError: TensorFlow cannot tell.
    """
    needed = needed_by(graph_def, [tensor])
    with tf.Graph().as_default():
        try:
            (found,) = tf.graph_util.import_graph_def(needed, return_elements=[tensor], name="")
        except (ValueError, tf.errors.OpError) as error:
            raise ZooError(
                f"TensorFlow {tf.__version__} refuses what {tensor} is made from: {reason(error)}"
            ) from error
        return _dims(found), int(found.dtype.base_dtype.as_datatype_enum)
