"""The blocks of a model, each of which may train alone: surgical fine-tuning (Lee et al. 2022). Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import LayerInfo
from transfer.depths.scope_regex import regex_for
from transfer.graph import heads, weighted
from transfer.plan.levels import groups
from transfer.plan.selection import NOTHING


@dataclass(frozen=True)
class Block:
    """What trains, where one block does.

    Attributes:
        name: the block's layers in short; `outputs alone` for no block.
        train: the scopes of its layers with parameters.
        reused, frozen: those of all layers that keep their weights, and of those that do not train.
        reuse, freeze: the regexes that a user would type.
    """

    name: str
    train: tuple[str, ...]
    reused: tuple[str, ...]
    frozen: tuple[str, ...]
    reuse: str
    freeze: str


def blocks(layers: Sequence[LayerInfo]) -> tuple[Block, ...]:
    """Return the choices of one block to train, the lowest first, after the choice of none.

    Args:
        layers: all layers, each after those that it reads.
    """
    order, ends = weighted(layers), heads(layers, ())
    reused = tuple(name for name in order if name not in ends)
    if not reused:
        return ()
    parts = [tuple(name for name in part if name in reused) for part in groups(layers, reused)]
    return tuple(_block(layers, reused, part) for part in [(), *parts])


def _block(layers: Sequence[LayerInfo], reused: tuple[str, ...], train: tuple[str, ...]) -> Block:
    scopes = [layer.name for layer in layers]
    frozen = tuple(name for name in reused if name not in train)
    reuse = regex_for(reused, reused, scopes)
    freeze = regex_for(frozen, frozen, reused) if frozen else NOTHING
    name = "outputs alone" if not train else train[0] if len(train) == 1 else f"{train[0]} … {train[-1]}"
    return Block(name, train, reused, frozen, reuse, freeze)
