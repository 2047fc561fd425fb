"""How far each layer's learning rate is below the topmost's; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.card import LayerInfo
from transfer.graph import readers

# Layers that scale or bend what the layer below them gives; they get its rate, and are no step on the way up.
ATTACHED = frozenset({"BatchNormalization", "LayerNormalization", "GroupNormalization", "PReLU"})


def rates(
    layers: Sequence[LayerInfo],
    trained: Collection[str],
    *,
    lr_mult: float | None = None,
    layer_decay: float | None = None,
) -> dict[str, float]:
    """Return each trained layer's rate as a share of the topmost's, by scope.

    Args:
        layers: all layers, each after those that it reads.
        trained: the scopes of those that train.
        lr_mult: how many times the lowest trained layer's rate the topmost's is; geometrically between (Howard and
            Ruder 2018, section 3.2, have 2.6 a layer).
        layer_decay: each layer's rate as a factor of that of the layer above (Clark et al. 2020, section 3.2).

    >>> chain = [LayerInfo("a", "Dense", 1), LayerInfo("b", "Dense", 1, inputs=("a",)),
    ...          LayerInfo("c", "Dense", 1, inputs=("b",))]
    >>> rates(chain, ["a", "b", "c"], lr_mult=100.0)
    {'a': 0.01, 'b': 0.1, 'c': 1.0}
    >>> rates(chain, ["a", "c"], layer_decay=0.5)
    {'a': 0.5, 'c': 1.0}
    """
    found = _heights(layers, trained)
    deepest = max(found.values(), default=0)
    if lr_mult is not None and deepest:
        return {name: lr_mult ** (-below / deepest) for name, below in found.items()}
    return {name: (layer_decay or 1.0) ** below for name, below in found.items()}


def _heights(layers: Sequence[LayerInfo], trained: Collection[str]) -> dict[str, int]:
    """Count how many trained layers lie above each trained one, on the longest way to an output."""
    counted = {layer.name for layer in layers if layer.name in trained and layer.type not in ATTACHED}
    below: dict[str, int] = {}
    for layer in reversed(layers):
        above = [below[name] + (name in counted) for name in readers(layers, layer.name) if name in below]
        below[layer.name] = max(above, default=0)
    return {layer.name: below[layer.name] for layer in layers if layer.name in trained}
