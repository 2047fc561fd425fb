"""How a phase trains, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.plan.checks import check


@dataclass(frozen=True)
class Training:
    """How a phase trains.

    Attributes:
        epochs: the most that a phase may take.
        patience: epochs without a better validation loss after which it ends.
        batch_size: samples a step.
        lr: Adam's learning rate in the first phase.
        unfreeze_lr: the later phases' rate, as a factor of `lr`.
        clip_norm: the largest global norm of the gradients; None does not clip.
    """

    epochs: int = 100
    patience: int = 10
    batch_size: int = 50
    lr: float = 1e-3
    unfreeze_lr: float = 0.3
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size", "lr", "unfreeze_lr", "clip_norm"):
            value = getattr(self, name)
            check(value is None or value > 0, f"--{name.replace('_', '-')} must be above 0, got {value}")
