"""Build the Keras model from named pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.blank import blank
from transfer.imported import Mapped
from transfer.importers.graph_layer import GraphLayer, encode
from transfer.importers.metagraph.constants import evaluate
from transfer.importers.metagraph.export import graph_def, inference_graph, placeholder
from transfer.importers.metagraph.graph import FLOAT, Graph, Node, node_of
from transfer.importers.metagraph.names import sources
from transfer.importers.metagraph.segments import closure
from transfer.importers.metagraph.view import Piece, View, Weight
from transfer.scope import layer_name

Values = Mapping[str, np.ndarray[Any, Any]]


def assemble(view: View, named: Sequence[tuple[str, Piece]], values: Values, labels: Mapping[str, str]) -> Any:
    """Return the functional model whose layers are the pieces, with their weights.

    Args:
        view: the graph.
        named: the pieces with their scopes, in any order.
        values: the variables' values, by tensor.
        labels: the names of the model's inputs, by tensor.

    Raises:
        ZooError: the layers cannot be put together.
    """
    try:
        return _assembled(view, named, values, labels)
    except RecursionError as error:
        raise ZooError(
            f"the graph becomes {len(named)} layers, one upon the other: deeper than Keras can hold",
            "name a lower output: --output TENSOR",
        ) from error


def _assembled(view: View, named: Sequence[tuple[str, Piece]], values: Values, labels: Mapping[str, str]) -> Any:
    sources = [_source(view, tensor, labels[tensor]) for tensor in view.inputs]
    tensors: dict[str, Any] = dict(zip(view.inputs, sources, strict=True))
    for scope, piece in _in_order(named, view.inputs):
        layer = _layer(view, scope, piece)
        inputs = [tensors[tensor] for tensor in piece.inputs]
        with blank(layer):
            outputs = _called(layer, scope, inputs[0] if len(inputs) == 1 else inputs)
        layer.set_weights([array_of(view.graph, weight, values) for weight in piece.weights])
        tensors |= zip(piece.outputs, outputs if len(piece.outputs) > 1 else [outputs], strict=True)
    ends = [sources, [tensors[output] for output in view.outputs]]
    return keras.Model(*(side[0] if len(side) == 1 else side for side in ends), name="imported")


def _source(view: View, tensor: str, label: str) -> Any:
    shape, dtype = view.shape(tensor) or (), as_dtype(view.dtypes.get(tensor, FLOAT)).name
    return keras.Input(shape=shape[1:], dtype=dtype, name=layer_name(label))


def _called(layer: Any, scope: str, inputs: Any) -> Any:
    try:
        return layer(inputs)
    except ValueError as error:  # what Keras says of a layer that does not fit
        raise ZooError(
            f"the layer {scope} ({type(layer).__name__}) cannot be built for any number of samples",
            "name an output below it, or an input above it: --output TENSOR, --input TENSOR",
        ) from error


def _in_order(named: Sequence[tuple[str, Piece]], starts: Sequence[str]) -> list[tuple[str, Piece]]:
    """Sort pieces so that each comes after those that it reads."""
    ready, waiting, done = set(starts), list(named), list[tuple[str, Piece]]()
    while waiting:
        now = [item for item in waiting if ready.issuperset(item[1].inputs)]
        if not now:
            lacking = sorted({tensor for _, piece in waiting for tensor in piece.inputs} - ready)
            raise ZooError(f"the graph cannot be cut into layers around {', '.join(lacking[:3])}")
        done += now
        ready |= {tensor for _, piece in now for tensor in piece.outputs}
        waiting = [item for item in waiting if item not in now]
    return done


def _layer(view: View, scope: str, piece: Piece) -> Any:
    if piece.type == "GraphLayer":
        return _graph_layer(view, scope, piece)
    return getattr(keras.layers, piece.type)(name=layer_name(scope), dtype="float32", **piece.config)


def _graph_layer(view: View, scope: str, piece: Piece) -> Any:
    inputs = {tensor: f"graph_layer/input_{number}" for number, tensor in enumerate(piece.inputs)}
    heads = [placeholder(inputs[t], view.shape(t), view.dtypes.get(t, FLOAT)) for t in piece.inputs]
    inner = Graph({node.name: _reading(node, inputs) for node in closure(view, piece.nodes)})
    nodes = inference_graph(inner, {weight.tensor: weight.shape for weight in piece.weights})
    return GraphLayer(
        segment=encode(graph_def([*heads, *nodes])),
        reads=[head.output for head in heads],
        makes=list(piece.outputs),
        variables=[_described(view, weight) for weight in piece.weights],
        name=layer_name(scope),
        dtype="float32",
    )


def _described(view: View, weight: Weight) -> dict[str, Any]:
    dtype = as_dtype(view.dtypes[weight.tensor])
    name, shape = node_of(weight.tensor), list(weight.shape)
    return {"name": name, "shape": shape, "dtype": dtype.name, "trainable": weight.trainable}


def _reading(node: Node, inputs: Mapping[str, str]) -> Node:
    """Return a node that reads the segment's own placeholders."""
    return replace(node, inputs=tuple(f"{inputs[t]}:0" if t in inputs else t for t in node.inputs))


def array_of(graph: Graph, weight: Weight, values: Values) -> np.ndarray[Any, Any]:
    """Return a weight's numbers in its layer's shape."""
    array = evaluate(graph, weight.tensor, values)
    if array is None:
        raise ZooError(f"the values of {weight.tensor} cannot be computed from {', '.join(weight.sources)}")
    return (array.T if weight.transposed else array).reshape(weight.shape)


def mapped(model: Any, named: Sequence[tuple[str, Piece]]) -> tuple[Mapped, ...]:
    """Return which variables each layer's weights came from, from the input upwards."""
    pieces = {layer_name(scope): (scope, piece) for scope, piece in named}
    found = (pieces[layer.name] for layer in model.layers if layer.name in pieces)
    return tuple(_mapped(scope, piece) for scope, piece in found)


def _mapped(scope: str, piece: Piece) -> Mapped:
    size = sum(int(np.prod(weight.shape)) for weight in piece.weights)
    return Mapped(scope, piece.type, tuple(dict.fromkeys(sources(piece))), size)
