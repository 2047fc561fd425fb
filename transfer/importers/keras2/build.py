"""Make the functional Keras model of a flat graph."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from registry.errors import ZooError
from transfer.importers.keras2.channels import arrangement, wants_last
from transfer.importers.keras2.graph import OPERATION, Call, Graph, Layer, Ref, refs
from transfer.importers.keras2.kinds import RECURRENT
from transfer.importers.keras2.operations import operate
from transfer.importers.keras2.reason import reason
from transfer.importers.keras2.sizes import LARGEST, bounded, numbers_of, without_values
from transfer.importers.native import CHANNELS_LAST, Tensor, identity
from transfer.scope import layer_name

DAMAGED = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
DTYPES = ("float32", "int32", "int64", "uint8", "bool")


@dataclass(frozen=True)
class Built:
    """A model and its parts.

    Attributes:
        model: the functional model.
        layers: its Keras layers by scope.
        orders: for each input which axis of the original each of its axes holds.
        outputs: the same for each output.
    """

    model: Any
    layers: Mapping[str, Any]
    orders: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]


def build(graph: Graph, where: str, most: int = LARGEST) -> Built:
    """Make the model, with fresh weights.

    Args:
        graph: what to make.
        where: the file, as an error calls it.
        most: how many numbers it may hold altogether.

    Raises:
        ZooError: a layer does not take its config or its input, or the model would be too large.
    """
    try:
        with without_values():
            return Building(graph, where, most).done()
    except DAMAGED as error:  # a value of another kind than Keras writes, wherever it is first used
        raise ZooError(f"{where} is damaged: {reason(error)}") from error


class Building:
    """The model as it grows; operations use it to add layers."""

    def __init__(self, graph: Graph, where: str, most: int) -> None:
        self.graph, self.where, self.left = graph, where, most
        self.layers: dict[str, Any] = {}
        self.names = {scope.lower() for scope in graph.layers}
        self.results: list[Tensor | list[Tensor]] = []
        self.inputs: list[Any] = []

    def done(self) -> Built:
        """Call every layer."""
        for place, call in enumerate(self.graph.calls):
            layer = self.graph.layers[call.scope]
            self.results.append(self.input(layer, place) if layer.kind == "InputLayer" else self.called(layer, call))
        ins = [self.tensor(ref) for ref in self.graph.inputs]
        outs = [self.tensor(ref) for ref in self.graph.outputs]
        if not ins or any(any(out.keras is given.keras for given in ins) for out in outs):
            raise ZooError(f"{self.where} is no model: an output is an input, or there is no input")
        sides = [[tensor.keras for tensor in side] for side in (ins, outs)]
        try:
            model = keras.Model(*(side[0] if len(side) == 1 else side for side in sides), name=_model_name(self.graph))
        except (ValueError, TypeError) as error:
            raise ZooError(f"{self.where} is damaged: {reason(error)}") from error
        return Built(model, self.layers, tuple(t.order for t in ins), tuple(t.order for t in outs))

    def input(self, layer: Layer, place: int) -> Tensor:
        """Make an input; that of a net with channels first takes them last."""
        config = layer.config
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        dtype = config.get("dtype") if isinstance(config.get("dtype"), str) else "float32"
        good = isinstance(shape, list) and 0 < len(shape) <= 8 and all(_is_size(size) for size in shape)
        if not good or config.get("sparse") or config.get("ragged"):
            raise ZooError(
                f"{self.where}: the input {layer.scope} has the shape {str(shape)[:80]}: expected a dense one"
            )
        dtype = "float32" if dtype in ("float16", "bfloat16", "float64") else dtype
        if dtype not in DTYPES:
            raise ZooError(f"{self.where}: the input {layer.scope} is of {dtype}: expected one of {', '.join(DTYPES)}")
        readers = [
            self.graph.layers[call.scope]
            for call in self.graph.calls
            if any(ref.call == place for ref in refs(list(call.args)))
        ]
        order = CHANNELS_LAST[len(shape)] if wants_last(readers, len(shape)) else identity(len(shape))
        turned = [shape[axis] for axis in order[1:]]
        return Tensor(keras.Input(turned, name=layer_name(layer.scope), dtype=dtype), order)

    def tensor(self, ref: Ref) -> Tensor:
        """Return what a reference stands for."""
        found = self.results[ref.call]
        outputs = found if isinstance(found, list) else [found]
        if ref.output >= len(outputs):
            raise ZooError(f"{self.where} is damaged: {self.graph.calls[ref.call].scope} has no output {ref.output}")
        return outputs[ref.output]

    def called(self, layer: Layer, call: Call) -> Tensor | list[Tensor]:
        """Call a layer, or make the layers of an operation."""
        if layer.kind.startswith(OPERATION):
            return operate(self, layer, call)
        given = [self.tensor(ref) for ref in refs(list(call.args))]
        if not given:
            raise ZooError(f"{self.where} is damaged: the layer {layer.scope} reads nothing")
        config = dict(layer.config)
        wanted = arrangement(layer, given)
        given = [self.arranged(tensor, wanted.order) for tensor in given]
        made = self.layers.get(layer.scope)
        if made is None:
            made = self.made(layer.scope, layer.kind, {**config, **wanted.config})
        counted = numbers_of(made)
        result = self.run(made, layer, call, given, wanted.output)
        self.count(layer, numbers_of(made) - counted)
        return result

    def run(
        self, made: Any, layer: Layer, call: Call, given: Sequence[Tensor], order: tuple[int, ...] | None
    ) -> Tensor | list[Tensor]:
        """Call a Keras layer on tensors that are arranged as it takes them."""
        kwargs = {key: self.value(value) for key, value in call.kwargs.items() if key in _kwargs(made)}
        tensors = [tensor.keras for tensor in given]
        listed = bool(call.args) and isinstance(call.args[0], list)
        if len(tensors) > 1 and (layer.kind in RECURRENT or layer.kind == "Bidirectional") and listed:
            tensors, kwargs["initial_state"] = tensors[:1], tensors[1:]
        several = len(call.args) > 1 and not listed
        try:
            many = listed and len(tensors) > 1
            found = made(*tensors, **kwargs) if several else made(tensors if many else tensors[0], **kwargs)
        except ZooError:
            raise
        except Exception as error:  # whatever the damaged part of a config leads to
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ZooError(
                f"{self.where}: the layer {layer.scope} ({layer.kind}) does not fit its input {shapes}: {reason(error)}"
            ) from error
        outputs = list(found) if isinstance(found, list | tuple) else [found]
        results = [Tensor(out, _ordered(order, out)) for out in outputs]
        return results[0] if len(results) == 1 else results

    def made(self, scope: str, kind: str, config: Mapping[str, Any]) -> Any:
        """Make a Keras layer from its config."""
        if kind == "GraphLayer":
            from transfer.importers.graph_layer import GraphLayer

            layer_class: Any = GraphLayer
        else:
            layer_class = getattr(keras.layers, kind)
        try:
            made = layer_class.from_config({**known(layer_class, config), "name": layer_name(scope)})
        except ZooError:
            raise
        except Exception as error:  # a damaged config leads to whatever the constructor does with it
            raise ZooError(f"{self.where}: the layer {scope} ({kind}) cannot be made: {reason(error)}") from error
        self.layers[scope] = made
        return made

    def count(self, layer: Layer, numbers: int) -> None:
        """Take what a layer will hold off what the model may hold."""
        bounded(numbers, self.left, f"{self.where}: the layer {layer.scope} ({layer.kind})")
        self.left -= numbers

    def add(
        self, scope: str, layer: Any, given: Tensor | Sequence[Tensor], order: tuple[int, ...] | None = None
    ) -> Tensor:
        """Add a layer without weights under a free scope, for an operation."""
        tensors = [given] if isinstance(given, Tensor) else list(given)
        layer.name = layer_name(scope)
        self.layers[scope] = layer
        try:
            out = layer([tensor.keras for tensor in tensors] if len(tensors) > 1 else tensors[0].keras)
        except (ValueError, TypeError) as error:
            raise ZooError(f"{self.where}: the operation {scope} does not fit its input: {reason(error)}") from error
        return Tensor(out, _ordered(order or tensors[0].order, out))

    def arranged(self, tensor: Tensor, order: tuple[int, ...] | None) -> Tensor:
        """Return a tensor with its axes in another order."""
        order = order or identity(len(tensor.order))
        if tensor.order == order or len(tensor.order) != len(order):
            return tensor
        moves = tuple(tensor.order.index(axis) for axis in order)
        maker = tensor.keras._keras_history.operation.name.replace(">", "/")
        return self.add(self.free(f"{maker}/permute"), keras.layers.Permute(moves[1:]), tensor, order)

    def free(self, scope: str) -> str:
        """Return a scope that no layer has."""
        number = 0
        while (name := f"{scope}_{number}" if number else scope).lower() in self.names:
            number += 1
        self.names.add(name.lower())
        return name

    def value(self, value: Any) -> Any:
        """Return an argument with tensors for references."""
        if isinstance(value, Ref):
            return self.arranged(self.tensor(value), None).keras
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def known(layer_class: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out arguments that a class has not and that say nothing: empty ones, one group, how to draw weights."""
    names = set(inspect.signature(layer_class.__init__).parameters)
    return {key: value for key, value in config.items() if key in names or not _idle(key, value)}


def _idle(key: str, value: Any) -> bool:
    drawing = key.endswith(("_initializer", "_regularizer", "_constraint"))
    return drawing or value in (None, False, [], {}) or (key == "groups" and value == 1)


def _kwargs(layer: Any) -> set[str]:
    return set(inspect.signature(layer.call).parameters) - {"self"}


def _ordered(order: tuple[int, ...] | None, tensor: Any) -> tuple[int, ...]:
    rank = len(tensor.shape)
    return order if order is not None and len(order) == rank else identity(rank)


def _is_size(size: Any) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool) and 0 < size < 1 << 31)


def _model_name(graph: Graph) -> str:
    return graph.name.replace("/", "_") or "model"
