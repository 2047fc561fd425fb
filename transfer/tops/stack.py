"""New dense layers, laid one on the other."""

from __future__ import annotations

from typing import Any

import keras

from transfer.plan.activation import parse_activation
from transfer.plan.style import Style
from transfer.scope import layer_name
from transfer.tops.fresh import fitting, seeded
from transfer.tops.parts import activation_layer, dropped, limited, normalised

USUAL = "elu"  # where there is no source to keep the activation of


def hidden(tensor: Any, scope: str, width: int, style: Style, seed: int) -> Any:
    """Lay a hidden layer on a tensor `(n, k)`: dropout, a dense layer, its activation, a normalisation."""
    activation = parse_activation(style.activation or USUAL)
    fused = activation.plain and not style.batch_norm_before
    init = style.init or fitting(activation.name)
    tensor = _dense(tensor, scope, width, activation.name if fused else "linear", init, style, seed)
    if style.batch_norm_before:
        tensor = normalised(tensor, style, scope)
    if not fused:
        tensor = activation_layer(activation, f"{scope}/activation", seed)(tensor)
    return normalised(tensor, style, scope) if style.batch_norm else tensor


def outputs(tensor: Any, scope: str, width: int, style: Style, seed: int) -> Any:
    """Lay the outputs on a tensor `(n, k)`, whose kernel is Xavier's, as logits want it."""
    return _dense(tensor, scope, width, "linear", "xavier", style, seed)


def _dense(tensor: Any, scope: str, width: int, activation: str, init: str, style: Style, seed: int) -> Any:
    config = {"name": layer_name(scope), "units": width, "activation": activation, "kernel_initializer": None}
    config = seeded(limited(config, style), scope, seed, init)
    return keras.layers.Dense.from_config(config)(dropped(tensor, style, scope, seed))
