"""The layer of a source that gives the classes, and may be given another number of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.backbone import layer_of, output_of
from transfer.data.target import Target
from transfer.graph import heads, single_path
from transfer.plan.selection import Selection
from transfer.rows import POOLING

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
MEANS = (*POOLING.values(), "AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
PASSING = ("Activation", "ReLU", "Softmax", "Dropout", "Flatten", "Reshape")
NEW_TOP = "say what stands above the reused layers instead: --top 100"


def output_layer(source: Any, selection: Selection, target: Target) -> str:
    """Return the scope of the layer that gives the logits.

    Raises:
        ZooError: which it is is not clear; it cannot have so many outputs; or it is reused and has another number.
    """
    found = heads(selection.layers, selection.reused)
    if len(found) != 1:
        which = f"the model ends in several: {', '.join(found)}" if found else "no end of the model reads all of them"
        raise ZooError(f"which layer above the reused ones gives the classes is not clear: {which}", NEW_TOP)
    (scope,) = found
    layer = layer_of(source, scope)
    if not (_is_output(layer) and _gives_rows(source, selection.layers, scope)):
        raise ZooError(
            f"the last layer, {scope}, is a {type(layer).__name__}: it cannot be given {target.width} outputs", NEW_TOP
        )
    width = layer.get_config()[width_of(layer)]
    if scope in selection.reused and width != target.width:
        has = "1 output" if width == 1 else f"{width} outputs"
        raise ZooError(
            f"the reused layer {scope} has {has}; the data have {target.asked}",
            f"leave {scope} out of --reuse: it is then made anew",
        )
    return scope


def pooling_above(layers: Sequence[LayerInfo], scope: str) -> str:
    """Return what to call the pooling of an output layer's positions: as in the source, where it has one there."""
    path = single_path(layers, scope)
    return next((layer.name for layer in path if layer.type in POOLING.values()), "pool")


def _is_output(layer: Any) -> bool:
    """Tell whether a layer is dense or a convolution, whose channels may become another number of classes."""
    if isinstance(layer, keras.layers.Dense):
        return True
    return isinstance(layer, CONVOLUTIONS) and layer.groups == 1


def width_of(layer: Any) -> str:
    """Return the name of the option that says how many outputs a layer has."""
    return "units" if isinstance(layer, keras.layers.Dense) else "filters"


def _gives_rows(source: Any, layers: Sequence[LayerInfo], scope: str) -> bool:
    """Tell whether a layer's output, or its mean over all positions, is a row of numbers a sample, as in the source."""
    shape = output_of(source, scope).shape
    if len(shape) <= 2:
        return True
    path = single_path(layers, scope)
    types = {layer.type for layer in path}
    if not path or not types <= {*MEANS, *PASSING}:
        return False
    if tuple(output_of(source, path[-1].name).shape[1:]) != (shape[-1],):
        return False
    return bool(types.intersection(MEANS)) or all(size == 1 for size in shape[1:-1])
