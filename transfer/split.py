"""Cut a model in two: `tail(trunk(x)) == model(x)`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import keras

from transfer.backbone import nodes
from transfer.scope import scope_of


@dataclass(frozen=True)
class Halves:
    """A model below and above its cut; both share their layers with the whole.

    Attributes:
        trunk: from the input to the cut's tensors; None where the cut is the input itself.
        tail: from the cut's tensors to the output.
        cut: the scopes whose outputs the tail reads.
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
    tensors: dict[int, tuple[str, Any]] = {}
    read: dict[int, None] = {}
    for layer, inputs, outputs in nodes(model):
        scope = scope_of(layer.name)
        if scope in below:
            tensors |= {id(tensor): (scope, tensor) for tensor in outputs}
        else:
            read |= dict.fromkeys(id(tensor) for tensor in inputs if id(tensor) in tensors)
    cut = [tensors[key] for key in tensors if key in read]
    edge = [tensor for _, tensor in cut]
    whole = all(any(tensor is source for source in model.inputs) for tensor in edge)
    trunk = None if whole else keras.Model(model.inputs[0], edge)
    tail = model if whole else keras.Model(edge, model.outputs)
    return Halves(trunk, tail, tuple(scope for scope, _ in cut))


def freeze(model: Any, frozen: Collection[str]) -> None:
    """Let every layer train but those named; a frozen BatchNormalization's statistics stand still too.

    Each layer's own attribute is set: Keras passes `trainable` on only where it changes.
    """
    for layer, _, _ in nodes(model):
        if hasattr(layer, "trainable"):
            layer.trainable = scope_of(layer.name) not in frozen
