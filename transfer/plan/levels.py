"""Layers in groups from the input upwards: what is unfrozen, or dropped, in one step. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from registry.card import LayerInfo
from transfer.graph import closed, cut, weighted

SINGLY = 12  # layers with parameters, up to which each is a step of its own
STEPS = 8  # for deeper nets


def groups(layers: Sequence[LayerInfo], scopes: Sequence[str]) -> list[tuple[str, ...]]:
    """Cut an ordered choice of layers into groups, each of which begins with a layer with parameters.

    A normalisation stays with the layer below it. Of many layers a group is a stretch of the net between two places
    where one tensor is all that goes on (so that no residual branch is cut in two), and there are about eight.

    Args:
        layers: all layers, each after those that it reads.
        scopes: those to be grouped, in the layers' order; what comes before the first with parameters is in no group.
    """
    begins = _beginnings(layers, scopes)
    if len(begins) > SINGLY:
        begins = _thinned([place for place in begins if _narrow(layers, scopes[:place])] or begins)
    return [tuple(scopes[here:end]) for here, end in pairwise([*begins, len(scopes)])] if begins else []


def _beginnings(layers: Sequence[LayerInfo], scopes: Sequence[str]) -> list[int]:
    held, types = set(weighted(layers)), {layer.name: layer.type for layer in layers}
    places = [place for place, scope in enumerate(scopes) if scope in held]
    return [
        place for number, place in enumerate(places) if not number or not types[scopes[place]].endswith("Normalization")
    ]


def _narrow(layers: Sequence[LayerInfo], below: Sequence[str]) -> bool:
    return len(cut(layers, closed(layers, below))) == 1


def _thinned(places: list[int]) -> list[int]:
    """Take about eight of them, evenly, the lowest among them.

    >>> _thinned(list(range(0, 160, 10)))
    [0, 20, 40, 60, 80, 100, 120, 140]
    """
    count = min(STEPS, len(places))
    return [places[len(places) * number // count] for number in range(count)]
