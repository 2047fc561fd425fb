"""Which layers a plan reuses and freezes, and where it cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.graph import closed, cut, sources, weighted
from transfer.scope import select

NOTHING = "none"  # to be frozen


@dataclass(frozen=True)
class Selection:
    """Which layers a plan reuses and freezes, and where it cuts.

    Attributes:
        layers: all layers of the model, from the input upwards.
        reused: scopes whose weights are kept.
        frozen: those of them that the first phase does not train.
    """

    layers: tuple[LayerInfo, ...]
    reused: tuple[str, ...]
    frozen: tuple[str, ...]

    @property
    def cut(self) -> tuple[str, ...]:
        """The layers at the edge of the first phase's frozen part."""
        return cut(self.layers, closed(self.layers, self.frozen))

    @property
    def below(self) -> frozenset[str]:
        """The reused layers and all that feeds them; the rest is the top."""
        feeding = sources(self.layers)
        return frozenset().union(*(feeding[name] for name in self.reused))


def choose(layers: Sequence[LayerInfo], reuse: str, freeze: str | None = None) -> Selection:
    """Select the layers that a plan reuses and freezes.

    Raises:
        ZooError: a regex is invalid, selects nothing, or leaves nothing to train.
    """
    scopes = [layer.name for layer in layers]
    reused = select(reuse, scopes)
    has_weights = set(weighted(layers))
    if not has_weights.intersection(reused):
        raise ZooError(f"the regex {reuse!r} selects only layers without weights: {', '.join(reused)}")
    frozen = reused if freeze is None else () if freeze == NOTHING else select(freeze, reused)
    if has_weights.issubset(frozen):
        raise ZooError(
            f"the regex {freeze or reuse!r} selects every layer: nothing is left to train",
            f"leave out the last layer, {weighted(layers)[-1]}, or name in --freeze what stays fixed",
        )
    return Selection(tuple(layers), reused, frozen)
