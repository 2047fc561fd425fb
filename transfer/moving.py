"""The moving statistics of normalisation layers, in a model that starts from fresh ones."""

from __future__ import annotations

import math
from typing import Any

import keras

from transfer.backbone import nodes


def follow(model: Any, steps: int) -> None:
    """Let the moving statistics of a model's BatchNormalization layers cover an epoch's steps at most."""
    for layer in _normalising(model):
        layer.momentum = min(layer.momentum, 1 - 1 / steps)


def settling(model: Any, steps: int) -> int:
    """Return after how many epochs the slowest moving statistics of a model have forgotten 95 % of where they began.

    Args:
        model: of which BatchNormalization layers count: they move by `1 - momentum` a step.
        steps: in an epoch.
    """
    moving = [layer.momentum for layer in _normalising(model) if 0 < layer.momentum < 1]
    return math.ceil(math.log(0.05) / math.log(max(moving)) / steps) if moving else 0


def _normalising(model: Any) -> list[Any]:
    return [layer for layer, _, _ in nodes(model) if isinstance(layer, keras.layers.BatchNormalization)]
