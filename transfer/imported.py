"""What every importer returns: a Keras model, and the account of how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from registry.card import Preprocessing

GRAPH_LAYER = "GraphLayer"  # the one class of ours; all other layers are Keras's own


@dataclass(frozen=True)
class Mapped:
    """One layer of the result and where its weights came from.

    Attributes:
        scope: the layer's path.
        type: its Keras class, such as `Dense`, or `GraphLayer`.
        sources: the checkpoint names of its weights, in the order of the layer's weights.
        parameters: how many numbers they hold.
    """

    scope: str
    type: str
    sources: tuple[str, ...]
    parameters: int


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        model: the `keras.Model`; its layers' names are the original scopes (see `transfer.scope`).
        format: what was read, such as `tf1-metagraph`.
        layers: one entry for each layer, from the input upwards.
        unmapped: names in the checkpoint that went nowhere, each with the reason.
        max_abs_difference: the largest difference from the original's own outputs, None where not compared.
        max_rel_difference: the same, divided by the largest absolute value of the original's outputs.
        collections: node or tensor names by collection, where the format has such.
        notes: what the model cannot carry over and the user should know, a sentence each.
        compared_with: what ran the original, with its version, such as `ONNX Runtime 1.23`; empty where nothing did.
        preprocessing: how raw data become the model's input, where the original says so.
        classes: the names of its outputs, where the original has them.
        target: what its outputs are, `class`, `multilabel` or `number`; empty where nobody says so.
        random: the weights that the original has no values for, `conv1/kernel`: random, or the architecture's.
    """

    model: Any
    format: str
    layers: tuple[Mapped, ...]
    unmapped: dict[str, str] = field(default_factory=dict)
    max_abs_difference: float | None = None
    max_rel_difference: float | None = None
    collections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    compared_with: str = ""
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    target: str = ""
    random: tuple[str, ...] = ()

    @property
    def native_share(self) -> float:
        """The share of the parameters that native Keras layers hold; 1.0 where there are none."""
        held = sum(layer.parameters for layer in self.layers)
        return sum(layer.parameters for layer in self.layers if layer.type != GRAPH_LAYER) / held if held else 1.0
