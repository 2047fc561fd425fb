"""The student: the source's layers up to the highest reused one, with a new top above."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import keras

from transfer.backbone import describe, joined, layer_of, output_of, up_to
from transfer.data.target import Target
from transfer.fresh import layer_seed, seeded, with_fresh_arrays
from transfer.graph import ends
from transfer.output_layer import output_layer, pooling_above, width_of
from transfer.plan.selection import Selection
from transfer.plan.top import Top
from transfer.rows import free, merged, pooled
from transfer.scope import layer_name, scope_of


@dataclass(frozen=True)
class Student:
    """How to make the model that trains, as often as needed.

    Attributes:
        source: the functional model to start from.
        selection: what is reused of it.
        top: what stands above.
        target: what its outputs are to be: a logit a class or label, or numbers in the labels' unit.
    """

    source: Any
    selection: Selection
    top: Top
    target: Target

    def build(self, seed: int, *, kept: Collection[str]) -> Any:
        """Make the model: those of the source's inputs that it depends on, to outputs `(n, k) float32`.

        Args:
            seed: of all fresh weights.
            kept: the scopes whose weights are copied from the source: the reused ones, or none to train
                the same architecture from scratch.

        Raises:
            ZooError: the architecture above the reused layers cannot give that many outputs.
        """
        model = self._in_unit(self._new_top(seed) if self.top.units is not None else self._same_top(seed))
        for layer in describe(model):
            if layer.name in kept and layer.parameters:
                layer_of(model, layer.name).set_weights(layer_of(self.source, layer.name).get_weights())
        return model

    def _in_unit(self, model: Any) -> Any:
        """Let numbers come in the labels' own unit, while the layers below give them with mean 0 and deviation 1."""
        if self.target.kind != "number":
            return model
        scale, offset = list(self.target.deviation), list(self.target.mean)
        layer = keras.layers.Rescaling(scale, offset, name=layer_name(free("unit", model)))
        return joined(model.inputs, [layer(model.outputs[0])])

    def _same_top(self, seed: int) -> Any:
        output = output_layer(self.source, self.selection, self.target.width)
        # What follows the last layer with weights is a softmax or sigmoid: the loss wants logits.
        logits = up_to(self.source, [output_of(self.source, output)])
        new = {layer.name for layer in self.selection.layers} - self.selection.below
        return pooled(self._clone(logits, new, output, seed), pooling_above(self.selection.layers, output))

    def _new_top(self, seed: int) -> Any:
        scopes = ends(self.selection.layers, self.selection.reused)
        below = self._clone(up_to(self.source, [output_of(self.source, scope) for scope in scopes]), (), "", seed)
        model = merged(pooled(below, "pool"))
        tensor = model.outputs[0]
        for number, width in enumerate(self.top.units or (), start=1):
            tensor = self._hidden(free(f"top{number}", model), width, seed)(tensor)
        tensor = self._dense(free("outputs", model), self.target.width, "linear", seed)(tensor)
        return joined(model.inputs, [tensor])

    def _hidden(self, scope: str, width: int, seed: int) -> Callable[[Any], Any]:
        dense = self._dense(scope, width, self.top.activation or "elu", seed)
        return lambda tensor: self._normalised(dense(tensor), scope)

    def _dense(self, scope: str, width: int, activation: str, seed: int) -> Callable[[Any], Any]:
        config = {"name": layer_name(scope), "units": width, "activation": activation}
        init = "xavier" if activation == "linear" else self.top.init
        config = seeded(config | {"kernel_initializer": None}, scope, seed, init)
        return lambda tensor: keras.layers.Dense.from_config(config)(self._dropped(tensor, scope, seed))

    def _clone(self, model: Any, new: Collection[str], output: str, seed: int) -> Any:
        """Copy an architecture with fresh weights; layers in `new` get what the top's options say."""

        def make(layer: Any) -> Any:
            scope = scope_of(layer.name)
            config = layer.get_config()
            if scope == output:
                config |= {width_of(layer): self.target.width, "activation": "linear"}
            elif scope in new:
                config = self._chosen(layer, config)
            init = "xavier" if scope == output else self.top.init if scope in new else None
            return type(layer).from_config(seeded(config, scope, seed, init))

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            scope = scope_of(layer.name)
            if scope not in new or not (scope == output or isinstance(layer, keras.layers.Dense)):
                return layer(*args, **kwargs)
            result = layer(self._dropped(args[0], scope, seed), *args[1:], **kwargs)
            return result if scope == output else self._normalised(result, scope)

        return with_fresh_arrays(keras.models.clone_model(model, clone_function=make, call_function=call), seed)

    def _chosen(self, layer: Any, config: dict[str, Any]) -> dict[str, Any]:
        if isinstance(layer, keras.layers.Dropout):
            return config | {"rate": self.top.dropout}
        if self.top.activation and isinstance(layer, keras.layers.Dense):
            return config | {"activation": self.top.activation}
        return config

    def _dropped(self, tensor: Any, scope: str, seed: int) -> Any:
        if not self.top.dropout or isinstance(tensor._keras_history.operation, keras.layers.Dropout):
            return tensor
        name = f"{scope}/dropout"
        return keras.layers.Dropout(self.top.dropout, seed=layer_seed(name, seed), name=layer_name(name))(tensor)

    def _normalised(self, tensor: Any, scope: str) -> Any:
        if not self.top.batch_norm or f"{scope}/batch_norm" in {layer.name for layer in self.selection.layers}:
            return tensor
        return keras.layers.BatchNormalization(name=layer_name(f"{scope}/batch_norm"))(tensor)
