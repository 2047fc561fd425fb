"""A model's outputs as one row of numbers a sample, for dense layers to stand on."""

from __future__ import annotations

from typing import Any

import keras

from transfer.backbone import describe, joined
from transfer.scope import layer_name, unused

POOLING = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


def pooled(model: Any, scope: str) -> Any:
    """Average each output of a model over its positions, so that it is `(n, channels)`; a row stays as it is."""
    if all(len(tensor.shape) == 2 for tensor in model.outputs):
        return model
    many = len(model.outputs) > 1
    rows = [
        _row(tensor, free(f"{scope}{number}" if many else scope, model))
        for number, tensor in enumerate(model.outputs, start=1)
    ]
    return joined(model.inputs, rows)


def _row(tensor: Any, scope: str) -> Any:
    if len(tensor.shape) == 1:
        return keras.layers.Reshape((1,), name=layer_name(scope))(tensor)
    if len(tensor.shape) in POOLING:
        return getattr(keras.layers, POOLING[len(tensor.shape)])(name=layer_name(scope))(tensor)
    return tensor if len(tensor.shape) == 2 else keras.layers.Flatten(name=layer_name(scope))(tensor)


def merged(model: Any) -> Any:
    """Lay a model's outputs side by side."""
    if len(model.outputs) == 1:
        return model
    return joined(model.inputs, [keras.layers.Concatenate(name=layer_name(free("merged", model)))(model.outputs)])


def free(scope: str, model: Any) -> str:
    """Return a scope that no layer of a model has: this one, or with a number."""
    return unused(scope, {layer.name for layer in describe(model)})
