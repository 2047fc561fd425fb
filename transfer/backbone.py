"""A backbone: a Keras model whose layers are known by their scopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from registry.card import LayerInfo, Preprocessing, TensorSpec
from registry.errors import ZooError
from transfer.scope import layer_name, scope_of


@dataclass(frozen=True)
class Backbone:
    """A loaded checkpoint.

    Attributes:
        model: a functional `keras.Model` with one input and one output.
        preprocessing: how raw data become its input; None where it is not known.
        classes: the names of its outputs; empty where they are no classes.
        task: a Hugging Face pipeline tag, or empty.
    """

    model: Any
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    task: str = ""

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers, each after those that it reads."""
        return describe(self.model)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """One sample's shape, without the batch."""
        return tuple(self.model.inputs[0].shape[1:])


def functional(model: Any) -> Any:
    """Return a model as a functional one that shares its layers.

    Raises:
        ZooError: it has several inputs or outputs, or no graph of layers (a subclassed model).
    """
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ZooError("the model has no graph of layers: only functional and sequential Keras models can be split")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ZooError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one of each"
        )
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def nodes(model: Any) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """Yield each call in the model's graph as (layer, input tensors, output tensors), inputs first.

    The only place that reads Keras's own list of nodes, which `keras.models.clone_model` walks the same way.
    """
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            yield node.operation, list(node.input_tensors), list(node.outputs)


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
    """Return the layer that carries a scope."""
    return model.get_layer(layer_name(scope))


def specs(tensors: list[Any]) -> tuple[TensorSpec, ...]:
    """Describe a model's inputs or outputs for its card."""
    return tuple(
        TensorSpec(scope_of(tensor.name), tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))
        for tensor in tensors
    )


def _info(scope: str, layer: Any, reads: list[str]) -> LayerInfo:
    weights = getattr(layer, "weights", [])
    held = [weight for weight in weights if "seed_generator" not in weight.path]
    trainable = bool(getattr(layer, "trainable_weights", []))
    parameters = sum(int(weight.value.shape.num_elements()) for weight in held)
    return LayerInfo(scope, type(layer).__name__, parameters, trainable, tuple(dict.fromkeys(reads)))
