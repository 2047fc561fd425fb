"""The student: the source's layers up to the highest reused one, with a new top above."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import keras

from transfer.backbone import describe, joined, layer_of, output_of, up_to
from transfer.data.target import Target
from transfer.graph import ACTIVATIONS, ends, heads
from transfer.plan.activation import parse_activation
from transfer.plan.dropping import dropped, edge
from transfer.plan.selection import Selection
from transfer.plan.top import Top
from transfer.rows import free, merged, pooled
from transfer.scope import layer_name
from transfer.tops.fresh import activation_of
from transfer.tops.output_layer import output_layer, pooling_above
from transfer.tops.renewal import Renewal
from transfer.tops.stack import USUAL, hidden, outputs


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

    def reusing(self, reused: Collection[str]) -> Student:
        """Return a student that reuses fewer of its layers, and makes the others anew."""
        names = self.selection.reused, self.selection.frozen
        fewer = (tuple(scope for scope in part if scope in reused) for part in names)
        return replace(self, selection=Selection(self.selection.layers, *fewer))

    def build(self, seed: int, *, kept: Collection[str]) -> Any:
        """Make the model: those of the source's inputs that it depends on, to outputs `(n, k) float32`.

        Args:
            seed: of all fresh weights.
            kept: the scopes whose weights are copied from the source: the reused ones, or none to train
                the same architecture from scratch.

        Raises:
            ZooError: the architecture above the reused layers cannot give that many outputs.
        """
        made = self._same_top(seed, kept) if self._keeps_outputs else self._new_top(seed, kept)
        model = self._in_unit(made)
        for layer in describe(model):
            if layer.name in kept and layer.parameters:
                layer_of(model, layer.name).set_weights(layer_of(self.source, layer.name).get_weights())
        return model

    def check(self) -> None:
        """Raise `ZooError`, as `build` would, where the outputs cannot be what the target asks; it makes nothing."""
        if self._keeps_outputs:
            output_layer(self.source, self.selection, self.target)

    @property
    def gone(self) -> tuple[str, ...]:
        """The source's layers that the top's `drop` leaves out, in order."""
        layers = self.selection.layers
        chosen = dropped(layers, self.top.drop, self.selection.reused)
        return tuple(layer.name for layer in layers if layer.name in chosen)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the new layers before they train."""
        styles = (*self.top.styles, self.top.style)
        plain = any(style.dropout and not style.alpha_dropout for style in styles)
        if "selu" in self._activations and plain:
            return (
                "plain dropout undoes what SELU is for, outputs of mean 0 and variance 1; --alpha-dropout keeps it, or "
                "--dropout 0 leaves it out",
            )
        if "selu" not in self._activations and any(style.alpha_dropout and style.dropout for style in styles):
            return ("alpha dropout is made for SELU; the new layers have another activation",)
        return ()

    @property
    def _activations(self) -> set[str]:
        """Name the activations of the new hidden layers."""
        written = {style.activation for style in self.top.styles} if self.top.units else {self.top.activation}
        if self.top.units is None and self.top.activation is None:
            return {activation_of(layer_of(self.source, scope).get_config()) for scope in self._hidden}
        return {parse_activation(name or USUAL).name for name in written}

    @property
    def _hidden(self) -> tuple[str, ...]:
        """Return what is new of the source's layers and may have an activation: all but what gives its outputs."""
        new = self._new.difference(self.gone)
        found = [layer for layer in self.selection.layers if layer.name in new]
        last = heads(self.selection.layers, self.selection.reused)
        return tuple(layer.name for layer in found if layer.type in (*ACTIVATIONS, "Dense") and layer.name not in last)

    def _in_unit(self, model: Any) -> Any:
        """Let numbers come in the labels' own unit, while the layers below give them with mean 0 and deviation 1."""
        if self.target.kind != "number":
            return model
        scale, offset = list(self.target.deviation), list(self.target.mean)
        layer = keras.layers.Rescaling(scale, offset, name=layer_name(free("unit", model)))
        return joined(model.inputs, [layer(model.outputs[0])])

    def _same_top(self, seed: int, kept: Collection[str]) -> Any:
        output = output_layer(self.source, self.selection, self.target)
        # What follows the last layer with weights is a softmax or sigmoid: the loss wants logits.
        logits = up_to(self.source, [output_of(self.source, output)])
        renewal = Renewal(self.top.style, seed, self._new, output, self.target.width, kept)
        return pooled(renewal.clone(logits), pooling_above(self.selection.layers, output))

    def _new_top(self, seed: int, kept: Collection[str]) -> Any:
        layers, reused = self.selection.layers, self.selection.reused
        gone = self.gone
        scopes = edge(layers, gone, reused) if gone else ends(layers, reused)
        renewal = Renewal(self.top.style, seed, self._new.difference(gone) if gone else (), kept=kept)
        below = renewal.clone(up_to(self.source, [output_of(self.source, scope) for scope in scopes]))
        model = merged(pooled(below, "pool"))
        tensor = model.outputs[0]
        for number, (width, style) in enumerate(zip(self.top.units or (), self.top.styles, strict=True), start=1):
            tensor = hidden(tensor, free(f"top{number}", model), width, style, seed)
        tensor = outputs(tensor, free("outputs", model), self.target.width, self.top.style, seed)
        return joined(model.inputs, [tensor])

    @property
    def _keeps_outputs(self) -> bool:
        return self.top.units is None and self.top.drop is None

    @property
    def _new(self) -> frozenset[str]:
        return frozenset(layer.name for layer in self.selection.layers) - self.selection.below
