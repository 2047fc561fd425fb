"""What a top may stand on where the data do not feed all inputs of a source. Pure: no Keras."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from registry.errors import ZooError
from transfer.depths.scope_regex import regex_for
from transfer.graph import INPUT, heads, sources, weighted
from transfer.plan.dropping import dropped, edge
from transfer.plan.selection import Selection
from transfer.plan.top import Top


def feedable(top: Top, selection: Selection, given: Collection[str], ref: str) -> Top:
    """Drop what the data cannot feed from the architecture above the reused layers.

    A net that compares two images has two towers. Who reuses one of them for single images means neither the other
    tower nor the layers that join them: the new outputs stand on the highest layers that can be fed.

    Args:
        top: as the user wants it.
        selection: what is reused.
        given: the names of the data's arrays; empty where they are one without a name, which any input may take.
        ref: what the data are called.

    Raises:
        ZooError: the reused layers read several inputs, and the data are one array.
    """
    unfed = _unfed(selection, given, ref)
    if not unfed.intersection(_demanded(top, selection)):
        return top
    names = "|".join(re.escape(scope) for scope in _inputs(selection) if scope in unfed)
    return replace(top, drop=names if top.drop is None else f"{top.drop}|{names}")


def _unfed(selection: Selection, given: Collection[str], ref: str) -> set[str]:
    """Return the inputs that get no samples, unless reused layers read them: then the feed says what is missing."""
    inputs = _inputs(selection)
    wanted = _reading(selection)
    if given:
        return set(inputs).difference(given, wanted)
    if len(inputs) > 1 and len(wanted) > 1:
        raise _several(sorted(wanted), selection, ref)
    return set(inputs) - wanted if wanted else set()


def _demanded(top: Top, selection: Selection) -> set[str]:
    """Return what the layers above the reused ones would read, without new hidden layers that replace them."""
    layers, reused = selection.layers, selection.reused
    if top.units is not None and top.drop is None:
        return set()
    last = heads(layers, reused) if top.drop is None else edge(layers, dropped(layers, top.drop, reused), reused)
    fed_by = sources(layers)
    return set().union(*(fed_by[scope] for scope in last))


def _inputs(selection: Selection) -> tuple[str, ...]:
    return tuple(layer.name for layer in selection.layers if layer.type == INPUT)


def _reading(selection: Selection) -> set[str]:
    """Return the inputs that reused layers with weights read."""
    fed_by, held = sources(selection.layers), set(weighted(selection.layers))
    return set(_inputs(selection)).intersection(*[set().union(*(fed_by[s] for s in selection.reused if s in held))])


def _several(wanted: Sequence[str], selection: Selection, ref: str) -> ZooError:
    fed_by, inputs = sources(selection.layers), set(_inputs(selection))
    alone = [scope for scope, feeding in fed_by.items() if feeding & inputs == {wanted[0]}]
    fewer = [scope for scope in weighted(selection.layers) if scope in alone and scope in selection.reused]
    arrays = ", ".join(f"x_train.{name}" for name in wanted)
    each = f"give each its own array, in an .npz: {arrays} …"
    hint = (
        f"zoo transfer --reuse '{regex_for(fewer, alone, list(fed_by))}' reads {wanted[0]} alone; or {each}"
        if fewer
        else each
    )
    return ZooError(
        f"the reused layers read {len(wanted)} inputs, {', '.join(wanted)}; {ref} have one array for all", hint
    )
