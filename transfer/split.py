"""Cut a model in two: `tail(trunk(x)) == model(x)`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from transfer.backbone import above, describe, joined, nodes, tensor_names
from transfer.graph import closed
from transfer.scope import scope_of


@dataclass(frozen=True)
class Trunk:
    """A model up to a cut, sharing its layers.

    Attributes:
        trunk: from the inputs to the cut's tensors; None where the cut is the inputs themselves.
        cut: the names of these tensors (`transfer.backbone.tensor_names`).
    """

    trunk: Any
    cut: tuple[str, ...]


@dataclass(frozen=True)
class Halves(Trunk):
    """A model below and above its cut.

    Attributes:
        tail: from the cut's tensors to the outputs. An input that it reads is one of the cut's tensors.
    """

    tail: Any


def split(model: Any, below: Collection[str]) -> Halves:
    """Cut a functional model above a closed set of layers.

    Args:
        model: a functional model.
        below: the scopes of a set that is closed downwards (`transfer.graph.closed`).
    """
    edge = _edge(model, below)
    part = _trunk(model, edge)
    return Halves(part.trunk, part.cut, model if part.trunk is None else above(model, below, edge))


def trunk_of(model: Any, below: Collection[str]) -> Trunk:
    """Return the lower half of `split` alone."""
    return _trunk(model, _edge(model, below))


def halved(model: Any, frozen: Collection[str]) -> tuple[tuple[str, ...], Halves]:
    """Freeze layers, and cut a model above all that nothing trained feeds; return what is below, and the halves."""
    freeze(model, frozen)
    below = closed(describe(model), frozen)
    return below, split(model, below)


def _trunk(model: Any, edge: Sequence[Any]) -> Trunk:
    names = tensor_names(model)
    cut = tuple(names[id(tensor)] for tensor in edge)
    sources = {id(tensor) for tensor in model.inputs}
    return Trunk(None if sources.issuperset(map(id, edge)) else joined(model.inputs, edge), cut)


def _edge(model: Any, below: Collection[str]) -> list[Any]:
    """Return the tensors that are made below and read above, or given out."""
    tensors: dict[int, Any] = {}
    read = {id(tensor) for tensor in model.outputs}
    for layer, inputs, outputs in nodes(model):
        if scope_of(layer.name) in below:
            tensors |= {id(tensor): tensor for tensor in outputs}
        else:
            read |= {id(tensor) for tensor in inputs}
    return [tensor for key, tensor in tensors.items() if key in read]


def freeze(model: Any, frozen: Collection[str]) -> None:
    """Let every layer train but those named; a frozen BatchNormalization's statistics stand still too.

    Each layer's own attribute is set: Keras passes `trainable` on only where it changes.
    """
    for layer, _, _ in nodes(model):
        if hasattr(layer, "trainable"):
            layer.trainable = scope_of(layer.name) not in frozen
