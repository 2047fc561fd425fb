"""The student: the source's layers up to the highest reused one, with a new top above."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import keras

from registry.errors import ZooError
from transfer.backbone import describe, layer_of
from transfer.fresh import layer_seed, seeded, with_fresh_arrays
from transfer.graph import weighted
from transfer.plan import Selection, Top
from transfer.scope import layer_name, scope_of

POOLING = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


@dataclass(frozen=True)
class Student:
    """How to make the model that trains, as often as needed.

    Attributes:
        source: the functional model to start from.
        selection: what is reused of it.
        top: what stands above.
        classes: how many logits it gives.
    """

    source: Any
    selection: Selection
    top: Top
    classes: int

    def build(self, seed: int, *, kept: Collection[str]) -> Any:
        """Make the model: the source's own input to logits `(n, classes) float32`.

        Args:
            seed: of all fresh weights.
            kept: the scopes whose weights are copied from the source: the reused ones, or none to train
                the same architecture from scratch.

        Raises:
            ZooError: the architecture above the reused layers cannot give that many logits.
        """
        model = self._new_top(seed) if self.top.units is not None else self._same_top(seed)
        for layer in describe(model):
            if layer.name in kept and layer.parameters:
                layer_of(model, layer.name).set_weights(layer_of(self.source, layer.name).get_weights())
        return model

    def _same_top(self, seed: int) -> Any:
        last = weighted(self.selection.layers)[-1]
        # What follows the last layer with weights is a softmax or sigmoid: the loss wants logits.
        logits = keras.Model(self.source.inputs[0], layer_of(self.source, last).output)
        output = output_layer(logits, self.classes, self.selection.reused)
        new = {layer.name for layer in self.selection.layers[self.selection.top_begins :]}
        return self._clone(logits, new, output, seed)

    def _new_top(self, seed: int) -> Any:
        below = self._clone(trunk_for(self.source, self.selection), set(), "", seed)
        tensor = below.outputs[0]
        if len(tensor.shape) in POOLING:
            tensor = getattr(keras.layers, POOLING[len(tensor.shape)])(name=_free("pool", below))(tensor)
        for number, width in enumerate(self.top.units or (), start=1):
            tensor = self._hidden(_free(f"top{number}", below), width, seed)(tensor)
        return keras.Model(below.inputs[0], self._dense(_free("outputs", below), self.classes, "linear", seed)(tensor))

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
            config = layer.get_config() | ({"units": self.classes, "activation": "linear"} if scope == output else {})
            if scope in new and scope != output:
                config = self._chosen(layer, config)
            init = "xavier" if scope == output else self.top.init if scope in new else None
            return type(layer).from_config(seeded(config, scope, seed, init))

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            scope = scope_of(layer.name)
            if scope not in new or not isinstance(layer, keras.layers.Dense):
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


def trunk_for(source: Any, selection: Selection) -> Any:
    """End the source where a wholly new top can stand: above the highest reused layer, and above whatever
    follows it without weights on a single path (an activation, a pooling)."""
    layers = selection.layers
    end = layers[selection.top_begins - 1]
    readers = [layer for layer in layers if end.name in layer.inputs]
    while len(readers) == 1 and not readers[0].parameters and len(readers[0].inputs) == 1:
        if readers[0].name == layers[-1].name and layers[-1].type in ("Activation", "Softmax"):
            break  # the source's own class probabilities are no features
        end = readers[0]
        readers = [layer for layer in layers if end.name in layer.inputs]
    return keras.Model(source.inputs[0], layer_of(source, end.name).output)


def output_layer(model: Any, classes: int, reused: Collection[str]) -> str:
    """Return the scope of the layer that gives the logits.

    Raises:
        ZooError: it is no dense layer, or it is reused and has another width.
    """
    scope = weighted(describe(model))[-1]
    layer = layer_of(model, scope)
    if not isinstance(layer, keras.layers.Dense):
        raise ZooError(
            f"the last layer, {scope}, is a {type(layer).__name__}: it cannot be given {classes} outputs",
            "say what stands above the reused layers instead: --top 100",
        )
    if scope in reused and layer.units != classes:
        raise ZooError(
            f"the reused layer {scope} has {layer.units} outputs; the data have {classes} classes",
            f"leave {scope} out of --reuse: it is then made anew",
        )
    return scope


def _free(scope: str, model: Any) -> str:
    taken = {layer.name for layer in describe(model)}
    candidates = [scope, *(f"{scope}_{number}" for number in range(1, len(taken) + 2))]
    return next(name for name in candidates if name not in taken)
