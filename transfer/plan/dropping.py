"""Which upper layers of a source are left out before a top is built. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.graph import readers, sources, tips, weighted
from transfer.plan.selection import Selection
from transfer.plan.top import Top
from transfer.scope import select


def dropped(layers: Sequence[LayerInfo], pattern: str | None, reused: Collection[str]) -> frozenset[str]:
    """Return the layers that a regex selects, and all above them.

    Args:
        layers: all layers, each after those that it reads.
        pattern: None drops nothing.
        reused: scopes whose weights are kept.

    Raises:
        ZooError: the regex is invalid, selects nothing, leaves no layer with weights, or drops a reused one.
    """
    if pattern is None:
        return frozenset()
    chosen, fed_by = set(select(pattern, [layer.name for layer in layers])), sources(layers)
    gone = frozenset(name for name, feeding in fed_by.items() if feeding & chosen)
    if gone.issuperset(weighted(layers)):
        raise ZooError(f"--drop {pattern!r} drops every layer with weights", "name upper layers only, such as outputs")
    kept = [layer.name for layer in layers if layer.name in reused and layer.name in gone]
    if kept:
        lowest = next(layer.name for layer in layers if layer.name in chosen & fed_by[kept[0]])
        why = "it is in --reuse" if kept[0] in chosen else f"it stands above {lowest}"
        raise ZooError(
            f"--drop {pattern!r} drops the reused layer {kept[0]}: {why}",
            "leave it out of --drop, or out of --reuse",
        )
    return gone


def left_out(selection: Selection, top: Top) -> frozenset[str]:
    """Return the source's layers that a top drops, or that its own layers replace."""
    if top.drop is not None:
        return dropped(selection.layers, top.drop, selection.reused)
    return frozenset() if top.units is None else frozenset(weighted(selection.layers)) - selection.below


def cut_without(selection: Selection, gone: Collection[str]) -> tuple[str, ...]:
    """Return a selection's cut, without what only layers read that are left out."""
    layers, below = selection.layers, selection.below
    return tuple(scope for scope in selection.cut if scope in below or not set(readers(layers, scope)).issubset(gone))


def edge(layers: Sequence[LayerInfo], gone: Collection[str], reused: Collection[str]) -> tuple[str, ...]:
    """Return the layers that a top stands on when some are gone: those that they read, and what is reused apart."""
    read = {name for layer in layers if layer.name in gone for name in layer.inputs if name not in gone}
    held = set(weighted(layers)).intersection(reused)
    return tips(layers, read | held)
