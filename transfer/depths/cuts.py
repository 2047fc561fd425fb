"""Where a model can be cut so that one tensor is all that goes on, and what would be frozen below. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.depths.scope_regex import regex_for
from transfer.graph import closed, cut, heads, sources, weighted
from transfer.scope import compiled, matches, select

SHOWN = 12
Feeding = Mapping[str, set[str]]  # by layer, all that feeds it


@dataclass(frozen=True)
class Cut:
    """A place to cut a model.

    Attributes:
        layer: the last frozen layer with parameters.
        at: the layer whose output is cached: that one, or what follows it without weights.
        frozen: the scopes of all frozen layers with parameters, from the input on.
        below: the frozen ones, and all without weights that read nothing else; closed downwards.
        parameters: how many numbers are frozen.
        reuse: a regex for `--reuse` that keeps just the frozen layers.
    """

    layer: str
    at: str
    frozen: tuple[str, ...]
    below: tuple[str, ...]
    parameters: int
    reuse: str


def cuts(layers: Sequence[LayerInfo]) -> tuple[Cut, ...]:
    """Return all valid cuts, the lowest first.

    A cut is valid where a single layer's output is all that the layers above it read, so none lies inside a residual
    branch, or beside an input that is read above it. What another end of the net reads does not count, and the last
    layer with weights is always made anew. A normalisation stays with the layer that it follows.

    Args:
        layers: all layers, each after those that it reads.
    """
    fed_by, held = sources(layers), weighted(layers)
    ends = {name: fed_by[name] for name in heads(layers, ())}
    choices: dict[tuple[str, ...], str] = {}  # a merge of branches freezes more than any one layer
    for scope in fed_by:
        if not _normalised(layers, scope):
            choices.setdefault(tuple(name for name in held if name in fed_by[scope]), scope)
    found = (_cut(layers, frozen, fed_by, ends) for frozen in choices if frozen)
    by_place = {one.at: one for one in found if one is not None}  # of two at one place, the higher freezes more
    return tuple(by_place.values())


def among(layers: Sequence[LayerInfo], pattern: str) -> tuple[Cut, ...]:
    """Return the valid cuts whose highest frozen layer a regex selects.

    Raises:
        ZooError: it selects nothing, or only layers after which there is no valid cut.
    """
    found = cuts(layers)
    named = select(pattern, [layer.name for layer in layers])
    regex = compiled(pattern)
    chosen = tuple(one for one in found if matches(regex, one.layer) or matches(regex, one.at))
    if chosen:
        return chosen
    places = [one.layer for one in found]
    raise ZooError(
        f"no valid cut lies after {', '.join(named[:SHOWN])}: {_why(layers, named[-1])}",
        f"the valid cuts: {', '.join(places[:SHOWN])}{' …' if len(places) > SHOWN else ''}"
        if places
        else "the model has no place where one tensor is all that goes on",
    )


def _cut(layers: Sequence[LayerInfo], frozen: tuple[str, ...], fed_by: Feeding, ends: Feeding) -> Cut | None:
    sizes = {layer.name: layer.parameters for layer in layers}
    above = [fed for name, fed in ends.items() if name not in frozen and fed.issuperset(frozen)]
    path = [layer for layer in layers if any(layer.name in fed for fed in above)]
    below = closed(path, frozen)
    edge = cut(path, below)
    if len(edge) != 1 or not fed_by[edge[0]].issuperset(frozen):
        return None
    kept = fed_by[edge[0]]
    return Cut(
        frozen[-1], edge[0], frozen, tuple(name for name in below if name in kept), sum(sizes[name] for name in frozen),
        regex_for(frozen, kept, list(sizes)),
    )  # fmt: skip


def _normalised(layers: Sequence[LayerInfo], scope: str) -> bool:
    """Tell whether only a normalisation with weights reads a layer."""
    above = [layer for layer in layers if scope in layer.inputs]
    return len(above) == 1 and above[0].parameters > 0 and above[0].type.endswith("Normalization")


def _why(layers: Sequence[LayerInfo], scope: str) -> str:
    fed_by = sources(layers)
    frozen = [name for name in weighted(layers) if name in fed_by[scope]]
    if not frozen:
        return f"{scope} has no weights below it to freeze"
    if not set(heads(layers, frozen)) - set(frozen):
        return f"{scope} gives the model's outputs, which are made anew"
    if _normalised(layers, scope):
        return f"the normalisation above {scope} stays with it"
    edge = cut(layers, closed(layers, frozen))
    if len(edge) > 1:
        return f"the layers above read {len(edge)} tensors there, of {', '.join(edge[:SHOWN])}"
    return f"the cut there is after {', '.join(edge)}"
