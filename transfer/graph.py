"""The graph of layers: what stays fixed below a cut, and where the cut lies. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.card import LayerInfo

INPUT = "InputLayer"

# Layers that draw random numbers in training. Without weights they would count as fixed, but a cache of
# their outputs would freeze one draw for ever.
RANDOM = frozenset({"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
                    "GaussianDropout", "GaussianNoise", "RReLU"})  # fmt: skip


def weighted(layers: Sequence[LayerInfo]) -> tuple[str, ...]:
    """Return the scopes of the layers that hold parameters, in order."""
    return tuple(layer.name for layer in layers if layer.parameters)


def closed(layers: Sequence[LayerInfo], frozen: Collection[str]) -> tuple[str, ...]:
    """Return the largest set of layers that nothing trained or random feeds into.

    A layer is in it if it is frozen, or has no weights and draws nothing, and all that it reads is in it.

    Args:
        layers: all layers, each after those that it reads.
        frozen: the scopes of the frozen layers.
    """
    below: set[str] = set()
    for layer in layers:
        fixed = layer.name in frozen or (layer.parameters == 0 and not _random(layer))
        if fixed and below.issuperset(layer.inputs):
            below.add(layer.name)
    return tuple(layer.name for layer in layers if layer.name in below)


def cut(layers: Sequence[LayerInfo], below: Collection[str]) -> tuple[str, ...]:
    """Return the layers of a closed set whose outputs are read above it: the edge where training begins."""
    read = {name for layer in layers if layer.name not in below for name in layer.inputs}
    return tuple(layer.name for layer in layers if layer.name in below and layer.name in read)


def _random(layer: LayerInfo) -> bool:
    return layer.type in RANDOM or layer.type.startswith("Random")
