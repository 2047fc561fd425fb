"""How far each layer's learning rate is below the highest; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.card import LayerInfo
from transfer.graph import readers

# Layers that scale or bend what the layer below them gives; they get its rate, and are no step on the way up.
ATTACHED = frozenset({"BatchNormalization", "LayerNormalization", "GroupNormalization", "PReLU"})


def rates(
    layers: Sequence[LayerInfo],
    trained: Collection[str],
    reused: Collection[str],
    *,
    lr_mult: float | None = None,
    layer_decay: float | None = None,
) -> dict[str, float]:
    """Return each trained layer's rate as a share of the highest, by scope.

    Layers that began with fresh weights all have the full rate: they are far from any optimum, wherever they stand.
    Together they count as one step above the reused ones.

    Args:
        layers: all layers, each after those that it reads.
        trained: the scopes of those that train.
        reused: the scopes of those that began with the source's weights.
        lr_mult: how many times the lowest reused layer's rate the highest is; geometrically between (Howard and
            Ruder 2018, section 3.2, have 2.6 a layer).
        layer_decay: each reused layer's rate as a factor of that of the layer above (Clark et al. 2020, section 3.2).

    >>> chain = [LayerInfo("a", "Dense", 1), LayerInfo("b", "Dense", 1, inputs=("a",)),
    ...          LayerInfo("c", "Dense", 1, inputs=("b",)), LayerInfo("d", "Dense", 1, inputs=("c",))]
    >>> rates(chain, "abc", "abc", lr_mult=100.0)
    {'a': 0.01, 'b': 0.1, 'c': 1.0}
    >>> rates(chain, "abcd", "ab", layer_decay=0.5)
    {'a': 0.25, 'b': 0.5, 'c': 1.0, 'd': 1.0}
    """
    heights = _heights(layers, trained, reused)
    below = {name: heights[name] if name in reused else 0 for name in heights}
    deepest = max(below.values(), default=0)
    if lr_mult is not None and deepest:
        return {name: lr_mult ** (-steps / deepest) for name, steps in below.items()}
    return {name: (layer_decay or 1.0) ** steps for name, steps in below.items()}


def _heights(layers: Sequence[LayerInfo], trained: Collection[str], reused: Collection[str]) -> dict[str, int]:
    """Count the steps down to each trained layer from an output, on the longest way: the reused ones, and the new."""
    counted = {layer.name for layer in layers if layer.name in trained and layer.type not in ATTACHED}
    below: dict[str, int] = {}
    for layer in reversed(layers):
        above = [
            below[name] + 1 if name in counted and name in reused else max(below[name], name in counted)
            for name in readers(layers, layer.name)
            if name in below
        ]
        below[layer.name] = max(above, default=0)
    return {layer.name: below[layer.name] for layer in layers if layer.name in trained}
