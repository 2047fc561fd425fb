"""Whether XLA is to compile a training loop."""

from __future__ import annotations

from typing import Any

import keras

from transfer.backbone import nodes
from transfer.fitting.thinning import KINDS, thinned

# XLA takes half a second or one to compile the loop, and saves 0.15 ms a step of one hidden layer and 0.8 ms of six.
# So it pays from 1,000 to 4,000 steps; patience ends many a phase at a half of those that it may take.
XLA_STEPS = 6_000

# What XLA does well on a CPU. Its convolutions are several times slower than TensorFlow's own, and so is its drawing of
# random numbers.
XLA_LAYERS = (
    keras.layers.InputLayer, keras.layers.Dense, keras.layers.Activation, keras.layers.BatchNormalization,
    keras.layers.LayerNormalization, keras.layers.Flatten, keras.layers.Reshape, keras.layers.ReLU,
    keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU, keras.layers.Softmax, keras.layers.Add,
    keras.layers.Concatenate, keras.layers.GlobalAveragePooling2D,
)  # fmt: skip


def compiles(tail: Any, trunk: Any, size: int, steps: int) -> bool:
    """Tell whether XLA is a gain: many steps, and nothing in them but what it does well.

    Args:
        tail: what trains.
        trunk: what runs below it in inference mode; None where nothing does.
        size: of a batch.
        steps: in all.
    """
    if steps < XLA_STEPS:
        return False
    masked = thinned(tail, size)
    suits = [
        isinstance(layer, XLA_LAYERS) or layer.name in masked or (isinstance(layer, KINDS) and not layer.rate)
        for layer, _, _ in nodes(tail)
    ]
    if trunk is not None:
        suits += [isinstance(layer, (*XLA_LAYERS, *KINDS)) for layer, _, _ in nodes(trunk)]
    return all(suits)
