"""A backbone: a Keras model whose layers are known by their scopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from registry.card import LayerInfo, Preprocessing, TensorSpec
from registry.columns import Column
from registry.errors import ZooError
from transfer.inputs import ModelInput
from transfer.scope import layer_name, scope_of


@dataclass(frozen=True)
class Backbone:
    """A loaded checkpoint.

    Attributes:
        model: a functional `keras.Model` with one or more inputs and outputs.
        preprocessing: how raw data become its input; None where it is not known.
        classes: the names of its outputs; empty where they are no classes.
        task: a Hugging Face pipeline tag, or empty.
        columns: of the table that it was trained on, as they are encoded; empty where it was none.
    """

    model: Any
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    task: str = ""
    columns: tuple[Column, ...] = ()

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers, each after those that it reads."""
        return describe(self.model)

    @property
    def inputs(self) -> tuple[ModelInput, ...]:
        """What it takes, in the model's order."""
        return model_inputs(self.model)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """One sample's shape at the first input, without the batch."""
        return tuple(self.model.inputs[0].shape[1:])


def functional(model: Any) -> Any:
    """Return a model as a functional one that shares its layers.

    Raises:
        ZooError: it has no graph of layers (a subclassed model), or an input without an axis of samples.
    """
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ZooError("the model has no graph of layers: only functional and sequential Keras models can be split")
    for tensor in model.inputs:
        if not len(tensor.shape):
            raise ZooError(
                f"the model's input {scope_of(tensor.name)} is a single number for all samples; expected an axis of "
                "samples",
                "import the model without it: name the other inputs in --input",
            )
    outputs = {id(tensor): tensor for tensor in model.outputs}
    return joined(model.inputs, list(outputs.values()), name=model.name)


def joined(inputs: Sequence[Any], outputs: Sequence[Any], **options: Any) -> Any:
    """Make the model from some tensors to others; one stands alone, not in a list."""
    ends = [side[0] if len(side) == 1 else list(side) for side in (inputs, outputs)]
    return keras.Model(*ends, **options)


def up_to(model: Any, tensors: Sequence[Any]) -> Any:
    """Make the model that ends at some tensors of another; it has those of the inputs that they depend on."""
    feeding = {id(tensor): {id(tensor)} for tensor in model.inputs}
    for _, inputs, outputs in nodes(model):
        if inputs:
            sources = set().union(*(feeding[id(tensor)] for tensor in inputs))
            feeding |= {id(tensor): sources for tensor in outputs}
    needed = set().union(*(feeding[id(tensor)] for tensor in tensors))
    return joined([tensor for tensor in model.inputs if id(tensor) in needed], tensors)


def nodes(model: Any) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """Yield each call in the model's graph as (layer, input tensors, output tensors), inputs first."""
    for node in _calls(model):
        yield node.operation, list(node.input_tensors), list(node.outputs)


def calls(model: Any) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Yield each call in the model's graph as (scope, arguments, named arguments), inputs first."""
    for node in _calls(model):
        yield scope_of(node.operation.name), node.arguments.args, node.arguments.kwargs


def _calls(model: Any) -> Iterator[Any]:
    """Yield Keras's own nodes, as `keras.models.clone_model` walks them."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from model._nodes_by_depth[depth]


def above(model: Any, below: Collection[str], tensors: Sequence[Any]) -> Any:
    """Make the model of the layers that are not `below`, from the tensors that they read of those to the outputs.

    `keras.Model(tensors, outputs)` would do it, but where one of the tensors is an input it moves that input out of
    the other model's graph (Keras 3.15), which can then not be saved.
    """
    fresh = {id(tensor): keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in tensors}
    return joined(list(fresh.values()), replayed(model, below, fresh))


def replayed(model: Any, below: Collection[str], given: Mapping[int, Any]) -> list[Any]:
    """Lead other tensors through the layers that are not `below`; return what becomes of the model's outputs.

    Args:
        model: functional; it stays as it is, and its layers are shared.
        below: scopes.
        given: what stands for the tensors that are read of those, by the tensors' `id`.
    """
    known = dict(given)

    def placed(value: Any) -> Any:
        return known.get(id(value), value) if isinstance(value, keras.KerasTensor) else value

    for node in _calls(model):
        if scope_of(node.operation.name) in below:
            continue
        made = [keras.KerasTensor(tensor.shape, tensor.dtype) for tensor in node.outputs]
        args, kwargs = (keras.tree.map_structure(placed, part) for part in (node.arguments.args, node.arguments.kwargs))
        type(node)(node.operation, call_args=args, call_kwargs=kwargs, outputs=made)
        known |= {id(old): new for old, new in zip(node.outputs, made, strict=True)}
    return [known[id(tensor)] for tensor in model.outputs]


def describe(model: Any) -> tuple[LayerInfo, ...]:
    """List a functional model's layers by scope, each after those that it reads."""
    made_by: dict[int, str] = {}
    reads: dict[str, list[str]] = {}
    layers: dict[str, Any] = {}
    for layer, inputs, outputs in nodes(model):
        scope = scope_of(layer.name)
        layers[scope] = layer
        reads.setdefault(scope, []).extend(made_by[id(tensor)] for tensor in inputs)
        made_by |= {id(tensor): scope for tensor in outputs}
    return tuple(_info(scope, layer, reads[scope]) for scope, layer in layers.items())


def layer_of(model: Any, scope: str) -> Any:
    """Return the layer that carries a scope, or the operation, which has no weights."""
    return next(layer for layer in model.operations if layer.name == layer_name(scope))


def output_of(model: Any, scope: str) -> Any:
    """Return the (first) tensor that a layer makes in a model, at its last call there."""
    return [outputs[0] for layer, _, outputs in nodes(model) if scope_of(layer.name) == scope][-1]


def tensor_names(model: Any) -> dict[int, str]:
    """Name each tensor by its `id`: by the scope of the layer that makes it, the second of a layer `scope:1`."""
    names: dict[int, str] = {}
    made: Counter[str] = Counter()
    for layer, _, outputs in nodes(model):
        scope = scope_of(layer.name)
        for tensor in outputs:
            names[id(tensor)] = f"{scope}:{made[scope]}" if made[scope] else scope
            made[scope] += 1
    return names


def model_inputs(model: Any) -> tuple[ModelInput, ...]:
    """Describe what a model takes, in its order."""
    known = _indices(model)
    return tuple(ModelInput(spec.name, spec.shape[1:], spec.dtype, known.get(spec.name)) for spec in input_specs(model))


def input_specs(model: Any) -> tuple[TensorSpec, ...]:
    """Describe a model's inputs for its card."""
    return tuple(_spec(scope_of(tensor.name), tensor) for tensor in model.inputs)


def output_specs(model: Any) -> tuple[TensorSpec, ...]:
    """Describe a model's outputs for its card."""
    names = tensor_names(model)
    return tuple(_spec(names[id(tensor)], tensor) for tensor in model.outputs)


def _spec(name: str, tensor: Any) -> TensorSpec:
    return TensorSpec(name, tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))


def _indices(model: Any) -> dict[str, int]:
    """Say how many indices the embeddings know that read an input, by the input's name."""
    known: dict[str, int] = {}
    names = {id(tensor): scope_of(tensor.name) for tensor in model.inputs}
    for layer, inputs, _ in nodes(model):
        for name in (names[id(tensor)] for tensor in inputs if id(tensor) in names):
            if isinstance(layer, keras.layers.Embedding):
                known[name] = min(layer.input_dim, known.get(name, layer.input_dim))
    return known


def _info(scope: str, layer: Any, reads: list[str]) -> LayerInfo:
    weights = getattr(layer, "weights", [])
    held = [weight for weight in weights if "seed_generator" not in weight.path]
    trainable = bool(getattr(layer, "trainable_weights", []))
    parameters = sum(int(weight.value.shape.num_elements()) for weight in held)
    return LayerInfo(scope, type(layer).__name__, parameters, trainable, tuple(dict.fromkeys(reads)))
