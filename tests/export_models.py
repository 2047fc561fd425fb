"""Small Keras models of each kind that exports must carry; seeded, with statistics that are no zeros and ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

layers = keras.layers


def dense() -> Any:
    x = keras.Input((6,), name="X")
    return keras.Model(x, layers.Dense(3, "softmax", name="out")(layers.Dense(5, "elu", name="block>hidden")(x)))


def convolutional() -> Any:
    x = keras.Input((9, 8, 3), name="image")
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x))
    y = layers.MaxPooling2D(2, padding="same")(layers.ReLU(max_value=6)(y))
    return keras.Model(x, layers.Dense(3)(layers.Dropout(0.5)(layers.Flatten()(y))))


def residual() -> Any:
    x = keras.Input((8, 8, 4), name="image")
    y = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x)))
    y = layers.AveragePooling2D(2)(layers.ZeroPadding2D(((0, 1), (2, 1)))(layers.Add()([x, y])))
    y = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(6, 3, groups=2, dilation_rate=2, activation="silu")(
        layers.UpSampling2D(2)(y)))  # fmt: skip
    return keras.Model(x, layers.Dense(2, "sigmoid")(layers.GlobalAveragePooling2D()(y)))


def depthwise() -> Any:
    x = keras.Input((8, 8, 3), name="image")
    y = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    y = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(layers.SeparableConv2D(4, 3)(y))
    return keras.Model(x, layers.Dense(2)(layers.GlobalMaxPooling2D()(layers.LeakyReLU(0.1)(y))))


def lstm() -> Any:
    x = keras.Input((4, 3), name="steps")
    return keras.Model(x, layers.Dense(2)(layers.LSTM(3)(x)))


def gru() -> Any:
    x = keras.Input((4, 3), name="steps")
    return keras.Model(x, layers.Dense(2)(layers.GRU(3, return_sequences=True)(x)))


def both_ways() -> Any:
    x = keras.Input((3, 2), name="steps")
    return keras.Model(x, layers.Dense(2)(layers.Bidirectional(layers.LSTM(2))(x)))


def embedding() -> Any:
    x = keras.Input((5,), name="ids", dtype="int32")
    return keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.Embedding(11, 4)(x))))


def several() -> Any:
    a, b = keras.Input((4,), name="b_first"), keras.Input((5,), name="a_second")
    joint = layers.Concatenate()([layers.Dense(3)(a), layers.Dense(2, "tanh")(b)])
    return keras.Model([a, b], [layers.Dense(2, name="two")(joint), layers.Dense(1, name="one")(joint)])


def sequence() -> Any:
    x = keras.Input((8, 3), name="steps")
    y = layers.LayerNormalization()(layers.Conv1D(4, 3, padding="causal", activation="gelu")(x))
    y = layers.Cropping1D(1)(layers.Permute((2, 1))(y))
    return keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Rescaling(2.0, -1.0)(layers.Reshape((-1, 4))(y)))))


KINDS: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (dense, convolutional, residual, depthwise, lstm, gru, both_ways, embedding, several, sequence)
}


def model(kind: str) -> Any:
    """Make a model, the same each time."""
    keras.utils.set_random_seed(7)
    made = KINDS[kind]()
    draws = np.random.default_rng(7)
    for weight in made.weights:
        least = 0.5 if "variance" in weight.path else -0.5
        weight.assign(least + draws.random(weight.shape))
    return made
