"""Whether XLA is to compile a training loop."""

from __future__ import annotations

from typing import Any

import keras

from transfer.backbone import nodes

# XLA takes one to three seconds to compile the loop and saves about 0.2 ms a step, so it pays from about here.
XLA_STEPS = 20_000

# What XLA does well on a CPU. Its convolutions are several times slower than TensorFlow's own, and so is its
# drawing of random numbers: a single dropout of (32, 50) costs it 1.5 ms.
XLA_LAYERS = (
    keras.layers.InputLayer, keras.layers.Dense, keras.layers.Activation, keras.layers.BatchNormalization,
    keras.layers.LayerNormalization, keras.layers.Flatten, keras.layers.Reshape, keras.layers.ReLU,
    keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU, keras.layers.Softmax, keras.layers.Add,
    keras.layers.Concatenate, keras.layers.GlobalAveragePooling2D,
)  # fmt: skip


def compiles(models: list[Any], steps: int) -> bool:
    """Tell whether XLA is a gain: many steps, and nothing in them but what it does well."""
    layers = [layer for model in models for layer, _, _ in nodes(model)]
    return steps >= XLA_STEPS and all(isinstance(layer, XLA_LAYERS) for layer in layers)
