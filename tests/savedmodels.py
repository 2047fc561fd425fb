"""SavedModels of every kind, written for the importer's tests: Keras 3 and 2 exports, functions, TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf1_graphs as graphs

tf1 = tf.compat.v1


def stir(model: Any, seed: int = 0) -> Any:
    """Move every weight off its initial value, as training would."""
    draws = np.random.default_rng(seed)
    arrays = [
        draws.uniform(0.5, 1.5, w.shape)
        if "variance" in (getattr(w, "path", "") or w.name)
        else draws.normal(0, 0.3, w.shape)
        for w in model.weights
    ]
    model.set_weights([np.asarray(array, np.float32) for array in arrays])
    return model


def dense(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, activation="relu", name="hidden1"),
            layers.Dense(4, activation="elu", name="hidden2"),
            layers.Dense(3, activation="softmax", name="outputs"),
        ],
        name="net",
    )


def convolutional(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1"),
            layers.BatchNormalization(name="bn1"),
            layers.MaxPooling2D(name="pool1"),
            layers.SeparableConv2D(5, 3, name="conv2"),
            layers.DepthwiseConv2D(3, padding="same", name="conv3"),
            layers.ReLU(6.0, name="relu6"),
            layers.Dropout(0.3, name="drop"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, name="outputs"),
        ],
        name="net",
    )


def residual(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((8, 8, 3), name="image")
    y = layers.ZeroPadding2D(1, name="pad")(x)
    y = stem = layers.Conv2D(4, 3, strides=2, name="stem", use_bias=False)(y)
    y = layers.BatchNormalization(name="bn")(y)
    y = layers.LeakyReLU(name="leaky")(y)
    y = layers.Conv2D(4, 3, padding="same", name="conv")(y)
    y = layers.Add(name="add")([y, stem])
    y = layers.Concatenate(name="both")([y, stem])
    y = layers.Flatten(name="flat")(y)
    return keras.Model(x, layers.Dense(2, name="outputs")(y), name="resnet")


def two_ends(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((4,), name="b")
    both = layers.Concatenate(name="both")([layers.Dense(3, name="left")(a), layers.Dense(3, name="right")(b)])
    return keras.Model([a, b], [layers.Dense(2, name="first")(both), layers.Dense(3, name="second")(both)])


def embedded(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((7,), dtype="int32", name="tokens")
    y = layers.Embedding(11, 4, name="embedding")(x)
    y = layers.Conv1D(6, 3, activation="relu", name="conv")(y)
    y = layers.GlobalMaxPooling1D(name="most")(y)
    return keras.Model(x, layers.Dense(2, name="outputs")(y))


def keras3(build: Callable[[Any], Any], folder: Path) -> Any:
    """Export a model as Keras 3 does; return it."""
    import keras

    model = stir(build(keras))
    model.export(str(folder), verbose=False)
    return model


def keras2(build: Callable[[Any], Any], folder: Path) -> Any:
    """Save a model as Keras 2 did; return it."""
    import tf_keras

    model = stir(build(tf_keras))
    model.save(str(folder), save_format="tf")
    return model


def simple(
    build: Callable[[], None], folder: Path, inputs: list[str], outputs: list[str], resource: bool = False
) -> Path:
    """Save a graph of `tf1_graphs` as TensorFlow 1 did, by `simple_save`, with reference variables or resources."""
    with tf.Graph().as_default() as graph, graphs.control_flow(1), tf1.variable_scope("", use_resource=resource):
        tf1.set_random_seed(0)
        build()
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            graphs._stir(session)
            ends = [
                {name.partition(":")[0].rpartition("/")[2]: graph.get_tensor_by_name(name) for name in side}
                for side in (inputs, outputs)
            ]
            tf1.saved_model.simple_save(session, str(folder), *ends)
    return folder


def served(folder: Path, given: dict[str, Any], signature: str = "serving_default") -> dict[str, np.ndarray]:
    """Run a signature as TensorFlow Serving does."""
    loaded = tf.saved_model.load(str(folder))
    found = loaded.signatures[signature](**{name: tf.constant(array) for name, array in given.items()})
    return {name: tensor.numpy() for name, tensor in found.items()}


def recurrent(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32", name="tokens"),
            layers.Embedding(11, 4, name="embedding"),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
            layers.GRU(5, name="gru"),
            layers.Dense(2, activation="softmax", name="outputs"),
        ],
        name="net",
    )
