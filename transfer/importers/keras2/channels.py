"""How a layer of a net with channels first is made with channels last, as TensorFlow on a CPU wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from transfer.importers.keras2.graph import Layer
from transfer.importers.keras2.kinds import ELEMENTWISE, MERGES, SPATIAL

FIRST = "channels_first"
LAST: dict[int, tuple[int, ...]] = {rank: (0, *range(2, rank), 1) for rank in (3, 4, 5)}
CHANNELWISE = ("softmax", "log_softmax", "sparsemax", "glu")


class Arranged(Protocol):
    """A tensor whose axes may lie in another order than in the original (`transfer.importers.native.Tensor`)."""

    @property
    def order(self) -> tuple[int, ...]:
        """Which of the original's axes each of its axes holds."""

    def axis(self, original: int) -> int:
        """Return which of its axes holds one of the original's."""


@dataclass(frozen=True)
class Arrangement:
    """What a layer wants.

    Attributes:
        order: of its inputs; None for the original's.
        output: of its output, where it has as many axes; None for the original's.
        config: what changes in its config.
    """

    order: tuple[int, ...] | None
    output: tuple[int, ...] | None
    config: dict[str, Any] = field(default_factory=dict)


def is_image(layer: Layer) -> bool:
    """Tell whether a layer is stated to take channels first."""
    spatial = layer.kind in SPATIAL and not layer.kind.startswith("ConvLSTM")
    return layer.config.get("data_format") == FIRST and (spatial or layer.kind in ("Resizing", "Flatten"))


def wants_last(readers: Sequence[Layer], rank: int) -> bool:
    """Tell whether an input that these layers read is to take its channels last."""
    return rank in LAST and any(is_image(layer) for layer in readers)


def arrangement(layer: Layer, given: Sequence[Arranged]) -> Arrangement:
    """Say in which order a layer takes its inputs, and what changes in its config for it."""
    first = given[0]
    rank = len(first.order)
    if is_image(layer) and rank in LAST:
        order = LAST[rank]
        return Arrangement(order, None if layer.kind == "Flatten" else order, {"data_format": "channels_last"})
    if first.order == tuple(range(rank)) or not all(len(tensor.order) == rank for tensor in given):
        return Arrangement(None, None, {"data_format": "channels_last"} if _is_first(layer) else {})
    keeps = layer.kind in ELEMENTWISE | MERGES
    keeps = keeps or (layer.kind == "Activation" and layer.config.get("activation") not in CHANNELWISE)
    keeps = keeps or (layer.kind == "Rescaling" and not isinstance(layer.config.get("scale"), list))
    if keeps:
        return Arrangement(first.order, first.order)
    axis = layer.config.get("axis", -1)
    if layer.kind in ("BatchNormalization", "Concatenate", "Softmax") and isinstance(axis, int) and abs(axis) <= rank:
        return Arrangement(first.order, first.order, {"axis": first.axis(axis % rank)})
    return Arrangement(None, None, {"data_format": "channels_last"} if _is_first(layer) else {})


def _is_first(layer: Layer) -> bool:
    return layer.config.get("data_format") == FIRST and layer.kind == "Flatten"
