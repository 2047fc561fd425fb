"""Cut a model in two: `tail(trunk(x)) == model(x)`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from transfer.backbone import above, joined, nodes, tensor_names
from transfer.scope import scope_of


@dataclass(frozen=True)
class Halves:
    """A model below and above its cut; both share their layers with the whole.

    Attributes:
        trunk: from the inputs to the cut's tensors; None where the cut is the inputs themselves.
        tail: from the cut's tensors to the outputs. An input that it reads is one of the cut's tensors.
        cut: the names of these tensors (`transfer.backbone.tensor_names`).
    """

    trunk: Any
    tail: Any
    cut: tuple[str, ...]


def split(model: Any, below: Collection[str]) -> Halves:
    """Cut a functional model above a closed set of layers.

    Args:
        model: a functional model.
        below: the scopes of a set that is closed downwards (`transfer.graph.closed`).
    """
    names = tensor_names(model)
    tensors: dict[int, Any] = {}
    read = {id(tensor) for tensor in model.outputs}
    for layer, inputs, outputs in nodes(model):
        if scope_of(layer.name) in below:
            tensors |= {id(tensor): tensor for tensor in outputs}
        else:
            read |= {id(tensor) for tensor in inputs}
    edge = [tensor for key, tensor in tensors.items() if key in read]
    cut = tuple(names[id(tensor)] for tensor in edge)
    sources = {id(tensor) for tensor in model.inputs}
    if sources.issuperset(id(tensor) for tensor in edge):
        return Halves(None, model, cut)
    return Halves(joined(model.inputs, edge), above(model, below, edge), cut)


def freeze(model: Any, frozen: Collection[str]) -> None:
    """Let every layer train but those named; a frozen BatchNormalization's statistics stand still too.

    Each layer's own attribute is set: Keras passes `trainable` on only where it changes.
    """
    for layer, _, _ in nodes(model):
        if hasattr(layer, "trainable"):
            layer.trainable = scope_of(layer.name) not in frozen
