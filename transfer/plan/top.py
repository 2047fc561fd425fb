"""The new layers above the highest reused one, as a value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from transfer.plan.checks import check
from transfer.plan.style import Style


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
        check(self.units is None or all(width > 0 for width in self.units), "--top wants widths above 0")
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
