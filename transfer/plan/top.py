"""The new layers above the highest reused one, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from transfer.plan.checks import check
from transfer.plan.style import Style

WIDEST = 100_000
LARGEST = 2**30  # weights between the new layers: 4 GB, three times over in training


@dataclass(frozen=True)
class Top:
    """The new layers above the highest reused one.

    Attributes:
        units: widths of new hidden dense layers, `(100, 50)`; None keeps the source's architecture.
        activation, init, batch_norm, batch_norm_before, bn_momentum, dropout, alpha_dropout, l1, l2, max_norm: of all
            new layers (`transfer.plan.style.Style`); of the outputs what is not about hidden layers, but for `init`.
        drop: a regex of upper layers that are left out of the source's architecture, with all above them.
        layers: how each of the new hidden layers is made, where they differ; empty, or one for each of `units`.
    """

    units: tuple[int, ...] | None = None
    activation: str | None = None
    init: str | None = None
    batch_norm: bool = False
    dropout: float = 0.3
    batch_norm_before: bool = False
    bn_momentum: float = 0.99
    alpha_dropout: bool = False
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    drop: str | None = None
    layers: tuple[Style, ...] = ()

    def __post_init__(self) -> None:
        _check_widths(self.units or ())
        widths, styles = len(self.units or ()), len(self.layers)
        check(styles in (0, widths), f"--top has {widths} hidden layers, but {styles} descriptions of them")
        self.style  # noqa: B018  checks what it is made of

    @property
    def style(self) -> Style:
        """How new layers are made that have no style of their own."""
        return Style(**{field.name: getattr(self, field.name) for field in fields(Style)})

    @property
    def styles(self) -> tuple[Style, ...]:
        """How each of the new hidden layers is made."""
        return self.layers or (self.style,) * len(self.units or ())


def _check_widths(units: Sequence[int]) -> None:
    wrong = [width for width in units if not 0 < width <= WIDEST]
    check(not wrong, f"--top takes widths from 1 to {WIDEST:,}; got {', '.join(map(str, wrong))}")
    weights = sum(below * above for below, above in pairwise(units))
    written = ",".join(map(str, units))
    check(weights <= LARGEST, f"--top {written} has {weights:,} weights between its layers, over {LARGEST:,}")
