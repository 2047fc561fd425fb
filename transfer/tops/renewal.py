"""A source's architecture with fresh weights, whose upper layers get the style of a top."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras

from registry.card import LayerInfo
from transfer.backbone import describe, layer_of
from transfer.blank import blank
from transfer.graph import activation_above, single_path
from transfer.plan.activation import parse_activation
from transfer.plan.style import Style
from transfer.scope import layer_name, scope_of
from transfer.tops.fresh import activation_of, fitting, seeded, with_fresh_arrays
from transfer.tops.output_layer import width_of
from transfer.tops.parts import DROPOUTS, activation_layer, dropout_layer, dropped, limited, normalised


@dataclass(frozen=True)
class Renewal:
    """How to copy an architecture.

    Attributes:
        style: of the new layers.
        seed: of all fresh weights.
        new: the scopes that get the style.
        output: of them the one that gives the outputs, if any.
        width: how many it gives.
        kept: the scopes whose weights are given afterwards: nothing is drawn for them.
    """

    style: Style
    seed: int
    new: Collection[str] = ()
    output: str = ""
    width: int = 0
    kept: Collection[str] = ()

    def clone(self, model: Any) -> Any:
        """Copy a model."""
        copy = _Copy(self, model)
        made = keras.models.clone_model(model, clone_function=copy.make, call_function=copy.call)
        return with_fresh_arrays(made, self.seed)


class _Copy:
    """One copying: what is decided of a layer when it is made, is done when it is called."""

    def __init__(self, how: Renewal, model: Any) -> None:
        self.how, self.style, self.seed = how, how.style, how.seed
        self.layers = describe(model)
        self.chosen = parse_activation(how.style.activation) if how.style.activation else None
        self.acts = _activations(model, self.layers, how)  # of dense layers, the activations that are layers above
        self.owners = {act: scope for scope, act in self.acts.items()}
        self.own = {scope: activation_of(layer_of(model, act).get_config()) for scope, act in self.acts.items()}
        self.apart: dict[str, Any] = {}  # activations that become layers, by the dense layer that they follow

    def make(self, layer: Any) -> Any:
        """Copy a layer without its weights."""
        how, scope, config = self.how, scope_of(layer.name), layer.get_config()
        if scope not in how.new:
            return type(layer).from_config(seeded(config, scope, self.seed))
        if scope == how.output:
            config |= {width_of(layer): how.width, "activation": "linear"}
            return type(layer).from_config(seeded(limited(config, self.style), scope, self.seed, "xavier"))
        if isinstance(layer, DROPOUTS):
            return self._dropout(layer, config, scope)
        if scope in self.owners and self.chosen:
            return activation_layer(self.chosen, scope, self.seed)
        init = self.style.init
        if isinstance(layer, keras.layers.Dense):
            init = init or fitting(self.chosen.name if self.chosen else self.own.get(scope, activation_of(config)))
            config = self._activated(config, scope)
        return type(layer).from_config(seeded(limited(config, self.style), scope, self.seed, init))

    def call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Lead tensors through a layer, and through what stands before and after it."""
        scope = scope_of(layer.name)
        dense = scope in self.how.new and (scope == self.how.output or isinstance(layer, keras.layers.Dense))
        first = dropped(args[0], self.style, scope, self.seed) if dense else args[0]
        with blank(layer) if scope in self.how.kept else nullcontext():
            result = layer(first, *args[1:], **kwargs)
        if scope in self.owners:
            return self._normalised(result, self.owners[scope]) if self.style.batch_norm else result
        return self._around(result, scope) if dense and scope != self.how.output else result

    def _around(self, tensor: Any, scope: str) -> Any:
        if self.style.batch_norm_before:
            tensor = self._normalised(tensor, scope)
        if scope in self.apart:
            tensor = self.apart[scope](tensor)
        if self.style.batch_norm and scope not in self.acts:
            tensor = self._normalised(tensor, scope)
        return tensor

    def _normalised(self, tensor: Any, scope: str) -> Any:
        """Normalise, unless the source does so already above the layer or its activation."""
        above = single_path(self.layers, scope)[:2]
        done = any(layer.type == "BatchNormalization" and layer.name in self.how.new for layer in above)
        return tensor if done else normalised(tensor, self.style, scope)

    def _dropout(self, layer: Any, config: dict[str, Any], scope: str) -> Any:
        if isinstance(layer, keras.layers.AlphaDropout) != self.style.alpha_dropout:
            return dropout_layer(self.style, scope, self.seed)
        return type(layer).from_config(seeded(config | {"rate": self.style.dropout}, scope, self.seed))

    def _activated(self, config: dict[str, Any], scope: str) -> dict[str, Any]:
        """Choose a dense layer's own activation; where it cannot be its own, a layer for it stands apart."""
        before, name = self.style.batch_norm_before, f"{scope}/activation"
        if scope in self.acts:
            return config
        if self.chosen is None and (not before or activation_of(config) == "linear"):
            return config
        if self.chosen is None:
            kept = {"name": layer_name(name), "activation": config["activation"]}
            self.apart[scope] = keras.layers.Activation.from_config(kept)
        elif self.chosen.plain and not before:
            return config | {"activation": self.chosen.name}
        else:
            self.apart[scope] = activation_layer(self.chosen, name, self.seed)
        return config | {"activation": "linear"}


def _activations(model: Any, layers: Sequence[LayerInfo], how: Renewal) -> dict[str, str]:
    """Return the new layers that are the activations of new dense layers which have none of their own."""
    found = {}
    for scope in (layer.name for layer in layers if layer.name in how.new and layer.name != how.output):
        layer, above = layer_of(model, scope), activation_above(layers, scope)
        alone = isinstance(layer, keras.layers.Dense) and activation_of(layer.get_config()) == "linear"
        if alone and above in how.new:
            found[scope] = above
    return {scope: act for scope, act in found.items() if act is not None}
