"""A model that takes raw samples: its card's preprocessing as its first layers; put on, and taken off again."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import keras

from registry.card import Preprocessing, TensorSpec
from registry.errors import ZooError
from transfer.backbone import joined, model_inputs, nodes, replayed
from transfer.inputs import FLOATING, ModelInput
from transfer.preprocess_model import PREFIX, RAW, RESIZED, preprocess_layers, raw_input
from transfer.scope import layer_name, scope_of


def prepared_inputs(model: Any, how: Preprocessing | None) -> tuple[str, ...]:
    """Name the inputs that a model's preprocessing can be put in front of; none where it has to stay outside.

    They take floating-point numbers, and raw samples as the card states them fit: of several inputs those of that very
    shape, as `transfer.inputs.feed` decides; a single one may also have another with as many numbers.
    """
    if how is None or how.dtype not in (RESIZED if how.resize else RAW) or _scopes_of_layers(model):
        return ()
    takes = model_inputs(model)
    open_batch = [tensor.shape[0] is None for tensor in model.inputs]
    taken = [one for one, is_open in zip(takes, open_batch, strict=True) if is_open and one.indices is None]
    floating = [one for one in taken if one.dtype.startswith(FLOATING)]
    return tuple(one.name for one in floating if _fits(one, how, alone=len(takes) == 1))


def _fits(one: ModelInput, how: Preprocessing, *, alone: bool) -> bool:
    sizes = [size for size in one.shape if size is not None]
    alike = alone and len(sizes) == len(one.shape) and math.prod(sizes) == math.prod(how.shape)
    return alike or _same(one, how)


def _same(one: ModelInput, how: Preprocessing) -> bool:
    return len(one.shape) == len(how.shape) and all(
        want in (None, got) for want, got in zip(one.shape, how.shape, strict=True)
    )


def with_preprocessing(model: Any, how: Preprocessing) -> Any:
    """Return the model that takes raw samples (`raw_shape` in the raw dtype) at the inputs that the card prepares.

    Its layers are the model's own, with their weights; inputs keep their names. The inverse of
    `without_preprocessing`.

    Raises:
        ZooError: the preprocessing fits no input.
    """
    chosen = prepared_inputs(model, how)
    if not chosen:
        raise ZooError(f"the preprocessing of samples {how.shape} {how.dtype} cannot be put in front of the model")
    inputs, given = [], {}
    for tensor, one in zip(model.inputs, model_inputs(model), strict=True):
        scope = _scope_of_input(tensor)
        raw = raw_input(how, scope) if one.name in chosen else _like(tensor, scope)
        inputs.append(raw)
        prefix = "" if len(model.inputs) == 1 else scope
        given[id(tensor)] = _led(how, raw, one, prefix) if one.name in chosen else raw
    names = {_scope_of_input(tensor) for tensor in model.inputs}
    return joined(inputs, replayed(model, names, given), name=model.name)


def _led(how: Preprocessing, raw: Any, one: ModelInput, prefix: str) -> Any:
    """Lead raw samples through the layers, into the shape of an input."""
    tensor = preprocess_layers(how, raw, prefix)
    if _same(one, how):
        return tensor
    scope = "/".join(part for part in (PREFIX, prefix, "shape") if part)
    return keras.layers.Reshape(one.shape, name=layer_name(scope))(tensor)


def without_preprocessing(model: Any, how: Preprocessing, inputs: Sequence[TensorSpec] = ()) -> Any:
    """Return the model without the layers that `with_preprocessing` put in front.

    Args:
        model: functional; its other layers are shared.
        how: the card's, which the layers have to compute: what is taken off is what `transfer.prepare` does instead.
        inputs: what the card says of the inputs, in the model's order; else they have the shapes of prepared samples.

    Raises:
        ZooError: the model has no such layers, they do not lead from an input each to the rest, or they compute
            something else.
    """
    below = _scopes_of_layers(model)
    ends = _ends(model, below)
    fresh, given = [], {}
    expected: dict[str, str] = {}
    for place, tensor in enumerate(model.inputs):
        read = ends.get(id(tensor), tensor)
        if id(tensor) in ends:
            expected |= _stated(how, _scope_of_input(tensor), read, alone=len(model.inputs) == 1)
        spec = inputs[place] if len(inputs) == len(model.inputs) else None
        fresh.append(_like(read, _scope_of_input(tensor), spec))
        given[id(read)] = fresh[-1]
    if _configs(model) != expected:
        raise _foreign()
    names = {_scope_of_input(tensor) for tensor in model.inputs}
    return joined(fresh, replayed(model, {*below, *names}, given), name=model.name)


def _scope_of_input(tensor: Any) -> str:
    """Return the input layer's scope; the tensor may have another name, as one that Keras made up."""
    return scope_of(tensor._keras_history.operation.name)


def _scopes_of_layers(model: Any) -> set[str]:
    scopes = {scope_of(layer.name) for layer in model.operations}
    return {scope for scope in scopes if scope.startswith(f"{PREFIX}/")}


def _stated(how: Preprocessing, scope: str, read: Any, *, alone: bool) -> dict[str, str]:
    """Return the layers that make a tensor of an input's raw samples, as `_configs` does."""
    raw = raw_input(how, scope)
    return _configs(keras.Model(raw, _led(how, raw, ModelInput(scope, read.shape[1:]), "" if alone else scope)))


def _configs(model: Any) -> dict[str, str]:
    """Return the layers of the preprocessing by scope: what they are and are set to, as JSON."""
    layers = [layer for layer in model.operations if scope_of(layer.name).startswith(f"{PREFIX}/")]
    return {
        scope_of(layer.name): json.dumps([type(layer).__name__, layer.get_config()], sort_keys=True, default=repr)
        for layer in layers
    }


def _ends(model: Any, below: set[str]) -> dict[int, Any]:
    """Return the tensor that the layers `below` make of an input, by the input's `id`."""
    read = {id(tensor) for layer, inputs, _ in nodes(model) if scope_of(layer.name) not in below for tensor in inputs}
    read |= {id(tensor) for tensor in model.outputs}
    source = {id(tensor): id(tensor) for tensor in model.inputs}
    ends: dict[int, Any] = {}
    for layer, inputs, outputs in nodes(model):
        if scope_of(layer.name) not in below:
            continue
        roots = {source.get(id(tensor)) for tensor in inputs}
        root = roots.pop() if len(roots) == 1 else None
        made = [tensor for tensor in outputs if id(tensor) in read]
        if root is None or root in read or len(made) > (root not in ends):
            raise _foreign()
        source |= {id(tensor): root for tensor in outputs}
        if made:
            ends[root] = made[0]
    if not ends:
        raise _foreign()
    return ends


def _foreign() -> ZooError:
    return ZooError(
        f"its card says that the file begins with the preprocessing; its layers {PREFIX}/... are missing, or "
        "compute something else",
        "verify it: zoo verify NAME; or import the file anew: zoo import FILE --as NAME --preprocess ...",
    )


def _like(tensor: Any, name: str, spec: TensorSpec | None = None) -> Any:
    return keras.Input(batch_shape=spec.shape if spec else tensor.shape, dtype=tensor.dtype, name=layer_name(name))
