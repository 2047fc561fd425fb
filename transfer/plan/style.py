"""How a new layer is made, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from transfer.plan.activation import parse_activation
from transfer.plan.checks import check, one_of

INITS = (
    "he", "xavier", "lecun", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal",
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a new layer is made.

    Attributes:
        activation: of a hidden layer, `relu` or `leaky_relu(0.1)` (`transfer.plan.activation`); None keeps the source's
            (`elu` where there is none).
        init: of its kernels, one of `INITS`, of which the short names mean He normal, Xavier uniform and LeCun normal;
            None chooses by activation.
        batch_norm: normalise after a hidden layer's activation.
        batch_norm_before: normalise before it.
        bn_momentum: what a moving statistic keeps of itself in each step.
        dropout: the share of units dropped before a dense layer, in training.
        alpha_dropout: drop so that the mean and variance of SELU's outputs stay (Klambauer et al. 2017).
        l1, l2: the loss gets so much times the sum of the kernel's absolute, and of its squared values.
        max_norm: the largest norm of the weights that lead to one unit; None for any.
    """

    activation: str | None = None
    init: str | None = None
    batch_norm: bool = False
    batch_norm_before: bool = False
    bn_momentum: float = 0.99
    dropout: float = 0.3
    alpha_dropout: bool = False
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None

    def __post_init__(self) -> None:
        check(0 <= self.dropout < 1, f"--dropout must be at least 0 and below 1, got {self.dropout}")
        check(0 < self.bn_momentum < 1, f"--bn-momentum must be above 0 and below 1, got {self.bn_momentum}")
        for name in ("l1", "l2"):
            value = getattr(self, name)
            check(0 <= value < math.inf, f"--{name} must be 0 or above, got {value}")
        check(self.max_norm is None or 0 < self.max_norm < math.inf, f"--max-norm must be above 0, got {self.max_norm}")
        twice = self.batch_norm and self.batch_norm_before
        check(not twice, "--batch-norm normalises after the activation, --batch-norm-before before it: choose one")
        one_of("--init", self.init, INITS)
        if self.activation is not None:
            parse_activation(self.activation)

    @property
    def normalised(self) -> bool:
        """Whether there is a normalisation at all."""
        return self.batch_norm or self.batch_norm_before
