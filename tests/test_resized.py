"""A model at another image size: where the architecture allows it the same weights, elsewhere the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from registry.errors import ZooError
from transfer.backbone import describe, functional
from transfer.importers.graph_layer import GraphLayer, encode
from transfer.resized import at_size

layers = keras.layers


def mobile_net(side: int) -> Any:
    return keras.applications.MobileNetV2((side, side, 3), alpha=0.35, weights=None, classes=5)


def efficient_net(side: int) -> Any:
    return keras.applications.EfficientNetB0(input_shape=(side, side, 3), weights=None, classes=5)


@pytest.mark.parametrize("application", [mobile_net, efficient_net])
def test_applications_compute_what_they_would_at_that_size(application: Callable[[int], Any], tmp_path: Path) -> None:
    model, built = functional(application(64)), application(96)
    built.set_weights(model.get_weights())
    before = describe(model)
    resized = at_size(model, (96, 96, 3))
    assert describe(resized) == describe(model) == before
    x = np.random.default_rng(0).random((2, 96, 96, 3), np.float32) * 255
    np.testing.assert_allclose(resized(x), built(x), atol=1e-6)
    resized.save(tmp_path / "m.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "m.keras")(x), built(x), atol=1e-6)
    y = x[:, :64, :64]
    np.testing.assert_array_equal(at_size(resized, (64, 64, 3))(y), model(y))
    assert at_size(model, (80, 33, 3)).output.shape == (None, 5)


def net(*parts: Any, shape: tuple[int | None, ...] = (8, 8, 3)) -> Any:
    """A chain of layers, or functions of a tensor, above an image."""
    image = tensor = keras.Input(shape, name="image")
    for part in parts:
        tensor = part(tensor)
    return keras.Model(image, tensor)


def graph_layer() -> Any:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 3), "x")
        tf.nn.relu(x, name="y")
    return net(GraphLayer(encode(graph.as_graph_def()), ["x:0"], ["y:0"], [], name="inner"))


def conv(tensor: Any) -> Any:
    return layers.Conv2D(4, 3, name="conv")(tensor)


@pytest.mark.parametrize(
    ("model", "shape", "why"),
    [
        (lambda: net(conv, layers.Flatten(), layers.Dense(3, name="d")), (9, 9, 3), r"d \(Dense\) cannot take \(196"),
        (lambda: net(layers.Conv2D(4, 3, name="c")), (2, 2, 3), r"c \(Conv2D\) cannot take \(2, 2, 3\)"),
        (lambda: net(layers.AveragePooling2D(8, name="p"), layers.Reshape((3,))), (4, 4, 3), r"p \(AveragePooling2D\)"),
        (
            lambda: net(lambda x: keras.ops.reshape(x, (-1, 96)), layers.Dense(3)),
            (16, 8, 3),
            "it would make 12 outputs of 3 samples",
        ),
        (lambda: net(layers.Reshape((192,))), (9, 9, 3), r"reshape\w* \(Reshape\) cannot take \(9, 9, 3\)"),
        (lambda: net(layers.Flatten(name="f")), (9, 9, 3), r"its outputs \(192,\) would be \(243,\)"),
        (lambda: net(layers.GlobalAveragePooling2D()), (9, 9, 1), r"it takes samples \(8, 8, 3\)"),
        (lambda: net(layers.Dense(2), shape=(8,)), (9, 9, 3), r"it takes samples \(8,\)"),
        (graph_layer, (9, 9, 3), "inner is a GraphLayer, whose operations may be made for one size"),
        (
            lambda: keras.Model([a := keras.Input((8, 8, 3)), b := keras.Input((8, 8, 3))], layers.Add()([a, b])),
            (9, 9, 3),
            "it has 2 inputs",
        ),
    ],
)
def test_what_an_architecture_does_not_allow_is_said(
    model: Callable[[], Any], shape: tuple[int, ...], why: str
) -> None:
    made = model()
    before = describe(made)
    size = "x".join(map(str, shape))
    with pytest.raises(ZooError, match=f"the model cannot take images of {size}: {why}") as caught:
        at_size(made, shape)
    assert caught.value.hint == "resize the images to its own size"
    assert describe(made) == before


def test_an_open_size_is_fixed() -> None:
    model = net(conv, layers.GlobalAveragePooling2D(), shape=(None, None, 3))
    assert at_size(model, (5, 7, 3)).input.shape == (None, 5, 7, 3)
