"""What a diagnosis says, and what it is told from, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from transfer.layer_health import LayerHealth


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a phase of training.

    Attributes:
        kind: `exploding`, `vanishing`, `dead`, `saturated`, `large_update`, `small_update` or `spike`.
        layer: the scope of the layer where it begins or is worst; empty where it is of no single one.
        epoch: the first epoch in which it was seen, from 1.
        figure: how bad it is, in the message's unit.
        message: what was seen.
        remedy: what to try.
    """

    kind: str
    layer: str
    epoch: int
    figure: float
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; try {self.remedy}"


class Figures(Protocol):
    """An epoch's figures, of training or of a run's record."""

    @property
    def train_loss(self) -> float:
        """The mean training loss."""

    @property
    def layers(self) -> tuple[LayerHealth, ...]:
        """How each layer fared, from the input on."""
