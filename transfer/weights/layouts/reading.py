"""What a layer reads, as far as it decides how its weights are ordered: flattened maps, or what may be such."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from transfer.weights.layouts.flow import Flow, Order
from transfer.weights.target import Kind, Shape

ARRANGE = "Permute((3, 1, 2)) before the Flatten keeps the order that the file has"
RAISE = "Reshape((c, h, w)) and Permute((2, 3, 1)) do the same in Keras"
RESHAPING = (keras.layers.Flatten, keras.layers.Reshape)


@dataclass(frozen=True)
class Reading:
    """What a layer reads.

    Attributes:
        rows: the shapes of the maps whose flattened numbers it reads, (n,) for others; empty without maps.
        width: of the axis whose order may differ.
        why: what makes the order unknown; empty where nothing does.
        inside: whether the layer flattens maps itself, out of sight.
    """

    rows: tuple[Shape, ...] = ()
    width: int = 0
    why: str = ""
    inside: str = ""

    @staticmethod
    def of(layer: Any, inputs: Sequence[Any], flows: Sequence[Flow]) -> Reading:
        """Look at a layer and at the order of what it reads."""
        inside = layer.name if _flattens(layer) else ""
        for tensor, flow in zip(inputs, flows, strict=True):
            if flow.order is Order.DOUBT:
                return Reading((), int(tensor.shape[-1] or 0), flow.why, inside)
            if flow.order is Order.ROWS and any(len(row) > 1 for row in flow.rows):
                why = layer.name if len(inputs) > 1 else ""
                return Reading(() if why else flow.rows, sum(map(math.prod, flow.rows)), why, inside)
        return Reading(inside=inside)

    def rows_of(self, part: Any, kind: Kind, shape: Shape) -> tuple[Shape, ...]:
        """Return the maps whose flattened numbers a weight has one number or row for each of."""
        fits = kind is Kind.DENSE or (kind is Kind.VECTOR and not isinstance(part, keras.layers.Dense))
        return self.rows if fits and shape[:1] == (self.width,) else ()

    def doubt(self, part: Any, kind: Kind, shape: Shape) -> str:
        """Say why the order of a weight's numbers is not known; nothing where it is."""
        if self.inside and kind is Kind.DENSE:
            return f"{self.inside} flattens within itself, which is not followed"
        if not self.width or self.width not in shape or self.rows_of(part, kind, shape):
            return ""
        if kind is Kind.VECTOR and isinstance(part, keras.layers.Dense):
            return ""
        through = f"through {self.why}" if self.why else "flattened"
        return f"it may read a map {through}, of which other frameworks have the channels first ({ARRANGE})"


def reads_channels(layer: Any, rank: int) -> bool:
    """Tell whether a layer treats the last axis of a map otherwise than the others."""
    if rank < 3:
        return hasattr(layer, "rank")
    return bool(getattr(layer, "weights", ())) or "Pooling" in type(layer).__name__


def _flattens(layer: Any) -> bool:
    parts = getattr(layer, "_flatten_layers", None)
    return parts is not None and any(isinstance(part, RESHAPING) for part in parts(include_self=False, recursive=True))
