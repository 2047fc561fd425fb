"""The tree of a model: up to its first ancestor, and down to all that was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from registry.card import Lineage
from registry.model import Model
from registry.ref import COMMIT
from registry.shelf import Shelf


@dataclass(frozen=True)
class Node:
    """One model of a tree.

    Attributes:
        ref: the reference with revision; as a child's card gives it where the model is not on this machine.
        source: `local`, `shipped`, or empty where it is not on this machine.
        step: how it was made of the one above; None at the top.
        metrics: from its card.
        children: what was made from it.
        asked: whether it is the one that the tree is about.
    """

    ref: str
    source: str
    step: Lineage | None
    metrics: dict[str, float | list[float]]
    children: tuple[Node, ...] = ()
    asked: bool = False


def tree(shelf: Shelf, model: Model) -> Node:
    """Return the tree's top: the first ancestor, with the line down to the model and all that came from that."""
    node = replace(_below(shelf, model, set()), asked=True)
    for parent in ancestors(shelf, model):
        node = replace(parent, children=(node,))
    return node


def ancestors(shelf: Shelf, model: Model) -> Iterator[Node]:
    """Return a model's parent, the parent's parent and so on; the last may be unknown on this machine."""
    seen, card = {model.revision}, model.card
    while card.lineage is not None:
        parent = _parent(shelf, card.lineage)
        if parent is None:
            yield Node(card.lineage.parent, "", None, {})
            return
        if parent.revision in seen:  # no honest card: a revision cannot hold its own hash
            return
        seen.add(parent.revision)
        yield _node(parent)
        card = parent.card


def children(shelf: Shelf, model: Model) -> list[Model]:
    """Return the local revisions that were made from a model."""
    return [child for child in shelf.local.catalogue.children(model.revision) if child.revision != model.revision]


def _below(shelf: Shelf, model: Model, seen: set[str]) -> Node:
    seen.add(model.revision)
    below = [child for child in children(shelf, model) if child.revision not in seen]
    return replace(_node(model), children=tuple(_below(shelf, child, seen) for child in below))


def _node(model: Model) -> Node:
    return Node(model.ref, model.source, model.card.lineage, model.card.metrics)


def _parent(shelf: Shelf, step: Lineage) -> Model | None:
    name, _, revision = step.parent.rpartition("@")
    if not COMMIT.fullmatch(revision):
        return None
    holders = shelf.local.catalogue.by_revision(revision)
    named = [model for model in holders if model.name == name]
    return next(iter(named or holders), None) or shelf.shipped.find(name, revision)
