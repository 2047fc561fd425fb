"""What stands around a new layer, as its style says: dropout, normalisation, activation, penalties, limits."""

from __future__ import annotations

from typing import Any

import keras

from transfer.plan.activation import Activation
from transfer.plan.style import Style
from transfer.scope import layer_name
from transfer.tops.fresh import KERNELS, layer_seed
from transfer.tops.rrelu import RReLU

DROPOUTS = (keras.layers.Dropout, keras.layers.AlphaDropout)


def dropped(tensor: Any, style: Style, scope: str, seed: int) -> Any:
    """Drop units of what a layer reads, unless they are dropped already."""
    if not style.dropout or isinstance(tensor._keras_history.operation, DROPOUTS):
        return tensor
    return dropout_layer(style, f"{scope}/dropout", seed)(tensor)


def dropout_layer(style: Style, scope: str, seed: int) -> Any:
    """Make a dropout layer of a scope."""
    kind = keras.layers.AlphaDropout if style.alpha_dropout else keras.layers.Dropout
    return kind(style.dropout, seed=layer_seed(scope, seed), name=layer_name(scope))


def normalised(tensor: Any, style: Style, scope: str) -> Any:
    """Normalise a layer's outputs."""
    layer = keras.layers.BatchNormalization(momentum=style.bn_momentum, name=layer_name(f"{scope}/batch_norm"))
    return layer(tensor)


def activation_layer(activation: Activation, scope: str, seed: int) -> Any:
    """Make an activation as a layer of a scope."""
    name, numbers, layers = layer_name(scope), activation.numbers, keras.layers
    if activation.plain:
        return layers.Activation(activation.name, name=name)
    if activation.name == "rrelu":
        return RReLU(numbers[0], numbers[1], seed=layer_seed(scope, seed), name=name)
    if activation.name == "prelu":
        return layers.PReLU(alpha_initializer=keras.initializers.Constant(numbers[0]), name=name)
    if activation.name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=numbers[0], name=name)
    return layers.ELU(alpha=numbers[0], name=name)


def limited(config: dict[str, Any], style: Style) -> dict[str, Any]:
    """Return a layer's config with the penalties and limits of its kernels that a style has."""
    chosen: dict[str, Any] = {}
    for key in (key for key in KERNELS if key in config):
        kernel = key.removesuffix("_initializer")
        if style.l1 or style.l2:
            chosen[f"{kernel}_regularizer"] = _object("regularizers", "L1L2", l1=style.l1, l2=style.l2)
        if style.max_norm is not None:
            axes = _axes(config, kernel)
            chosen[f"{kernel}_constraint"] = _object("constraints", "MaxNorm", max_value=style.max_norm, axis=axes)
    return config | chosen


def _axes(config: dict[str, Any], kernel: str) -> list[int]:
    """Return the axes of a kernel that lead to one unit: all but the last, and of a depthwise one positions only."""
    positions = len(config.get("kernel_size", ()))
    return list(range(positions if kernel == "depthwise" else positions + 1))


def _object(module: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"module": f"keras.{module}", "class_name": kind, "config": config}
