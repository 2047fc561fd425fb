"""The new layers above the highest reused one, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.plan.checks import check, one_of

INITS = ("he", "xavier", "lecun")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "swish", "tanh", "sigmoid")


@dataclass(frozen=True)
class Top:
    """The new layers above the highest reused one.

    Attributes:
        units: widths of new hidden dense layers, `(100, 50)`; None keeps the source's architecture.
        activation: of the new hidden layers; None keeps the source's (`elu` where `units` is given).
        init: `he`, `xavier` or `lecun` for the new kernels; None chooses by activation.
        batch_norm: normalise after each new hidden layer's activation.
        dropout: the share of units dropped before each new dense layer, in training.
    """

    units: tuple[int, ...] | None = None
    activation: str | None = None
    init: str | None = None
    batch_norm: bool = False
    dropout: float = 0.3

    def __post_init__(self) -> None:
        check(0 <= self.dropout < 1, f"--dropout must be at least 0 and below 1, got {self.dropout}")
        one_of("--init", self.init, INITS)
        one_of("--activation", self.activation, ACTIVATIONS)
        check(self.units is None or all(width > 0 for width in self.units), "--top wants widths above 0")
