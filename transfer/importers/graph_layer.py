"""A Keras layer that runs a part of a TensorFlow graph for which there is no native layer."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.metagraph.files import parsed
from transfer.importers.metagraph.graph import Graph, node_of
from transfer.importers.metagraph.safety import check

LARGEST = 1 << 28  # bytes of one segment, whose weights lie elsewhere; and numbers in these weights
FIELDS = frozenset({"name", "shape", "dtype", "trainable"})
ONES = ("gamma", "moving_variance")


@keras.saving.register_keras_serializable(package="zoo")
class GraphLayer(keras.layers.Layer):  # type: ignore[misc]
    """Operations between some tensors, with the variables that they read as the layer's weights.

    Reads one tensor or a list, in the order of `reads`; returns one tensor or a list, in the order of `makes`. It
    trains, runs in `tf.function` and, where its operations allow it, under XLA; it is saved with its graph.

    Args:
        segment: a serialised `GraphDef` in base64, whose inputs and variables are `Placeholder` nodes.
        reads: the names of the input tensors.
        makes: the names of the output tensors.
        variables: name, shape, dtype and whether it trains, for each variable.

    Raises:
        ZooError: the segment is no graph, lacks a tensor, or holds an operation that may not run
            (`transfer.importers.metagraph.safety`); so does a layer that is loaded from a file.
    """

    def __init__(
        self, segment: str, reads: list[str], makes: list[str], variables: list[dict[str, Any]], **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # the graph says what each tensor holds
        self.segment, self.reads, self.makes = segment, list(reads), list(makes)
        self.described = [dict(variable) for variable in variables]
        _bounded(self.described)
        self._graph = decode(segment)
        _complete(self._graph, [*self.reads, *self.makes, *(f"{item['name']}:0" for item in self.described)])
        self.held = [self._weight(item) for item in self.described]
        # A tape does not see operations that are made by import_graph_def, but it sees a function.
        self._function = tf.function(self._run)

    def _weight(self, item: dict[str, Any]) -> Any:
        return self.add_weight(
            name=str(item["name"]).replace("/", ">"),
            shape=tuple(item["shape"]),
            dtype=item["dtype"],
            trainable=bool(item["trainable"]),
            initializer="zeros",
        )

    def build(self, _shape: Any) -> None:
        """Nothing to make: the weights' shapes come with the graph."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Run the segment."""
        given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        outputs = self._function(given, [tf.convert_to_tensor(weight.value) for weight in self.held])
        return outputs[0] if len(self.makes) == 1 else list(outputs)

    def _run(self, inputs: list[Any], weights: list[Any]) -> list[Any]:
        names = [*self.reads, *(f"{item['name']}:0" for item in self.described)]
        fed = dict(zip(names, [*inputs, *weights], strict=True))
        return list(tf.graph_util.import_graph_def(self._graph, input_map=fed, return_elements=self.makes, name=""))

    def reinitialise(self, seed: int) -> None:
        """Draw new weights: Glorot uniform for kernels, ones for scales and variances, zeros for the rest."""
        draws = np.random.default_rng(seed)
        for item, weight in zip(self.described, self.held, strict=True):
            weight.assign(_fresh(item, draws))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GraphLayer:
        """Make the layer of a config; Keras's own would hide why one is refused."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor needs to make the layer again."""
        own = {"segment": self.segment, "reads": self.reads, "makes": self.makes, "variables": self.described}
        return {**super().get_config(), **own}


def encode(graph: Any) -> str:
    """Return a `GraphDef` as text; the inverse of `decode`."""
    return base64.b64encode(graph.SerializeToString(deterministic=True)).decode()


def decode(segment: str) -> Any:
    """Return the `GraphDef` that a segment holds, if it may run.

    Raises:
        ZooError: it is no graph, too large, or holds an operation that may not run.
    """
    if len(segment) > LARGEST:
        raise ZooError(f"a graph layer of {len(segment)} bytes is too large: expected at most {LARGEST}")
    try:
        data = base64.b64decode(segment, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ZooError("a graph layer's segment is damaged: it is not in base64") from error
    graph = parsed(tf.compat.v1.GraphDef, data)
    if graph is None or not graph.node:
        raise ZooError("a graph layer's segment is damaged: it is no GraphDef")
    if graph.library.function:
        raise ZooError("a graph layer may not hold functions", "import the original checkpoint again")
    check(Graph.of(graph.node).nodes.values())
    return graph


def _bounded(variables: list[dict[str, Any]]) -> None:
    """Refuse weights that a file can ask for but hardly hold."""
    numbers = 0
    for item in variables:
        shape = item.get("shape")
        if set(item) != FIELDS or not isinstance(shape, list | tuple) or not all(_is_size(size) for size in shape):
            raise ZooError(f"a graph layer's variable is damaged: expected {', '.join(sorted(FIELDS))}, got {item}")
        numbers += math.prod(shape)
    if numbers > LARGEST:
        raise ZooError(f"a graph layer with {numbers:,} parameters is too large: expected at most {LARGEST:,}")


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and size >= 0


def _complete(graph: Any, tensors: list[str]) -> None:
    nodes = {node.name for node in graph.node}
    absent = [tensor for tensor in tensors if node_of(tensor) not in nodes]
    if absent:
        raise ZooError(f"a graph layer's segment is damaged: it lacks {', '.join(absent[:5])}")


def _fresh(item: dict[str, Any], draws: np.random.Generator) -> np.ndarray[Any, Any]:
    """Glorot and Bengio 2010, equation 16, with the receptive field counted into both fans."""
    shape = tuple(item["shape"])
    if item["trainable"] and len(shape) >= 2:
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
        return draws.uniform(-limit, limit, shape).astype(item["dtype"])
    return np.full(shape, 1 if str(item["name"]).endswith(ONES) else 0, item["dtype"])
