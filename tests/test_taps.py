from __future__ import annotations

import keras
import numpy as np
import pytest
from conftest import blobs, chain

import transfer.depths.taps as module
from registry.errors import ZooError
from transfer.backbone import joined, output_of
from transfer.depths.taps import taps
from transfer.extract import named_outputs
from transfer.feeding import Sliced


def images() -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 2), name="image")
    tensor = keras.layers.Conv2D(5, 3, name="conv1")(image)
    tensor = keras.layers.Conv2D(4, 3, strides=2, name="conv2")(tensor)
    tensor = keras.layers.Flatten(name="flat")(tensor)
    return keras.Model(image, keras.layers.Dense(3, name="outputs")(tensor))


def test_rows_are_the_layers_own_outputs() -> None:
    model, (x, _) = chain(), blobs(30)
    scopes = ["hidden1", "hidden2", "hidden3"]
    direct = named_outputs(joined(model.inputs, [output_of(model, scope) for scope in scopes]), x)
    for row, scope in zip(taps(model, scopes).read(Sliced((x,))), scopes, strict=True):
        assert np.array_equal(row, direct[scope])


def test_maps_are_pooled_over_their_positions() -> None:
    model = images()
    x = np.random.default_rng(0).normal(size=(7, 12, 12, 2)).astype(np.float32)
    direct = named_outputs(joined(model.inputs, [output_of(model, scope) for scope in ("conv1", "conv2", "flat")]), x)
    large, small, flat = taps(model, ["conv1", "conv2", "flat"]).read(Sliced((x,)))
    assert np.allclose(large, direct["conv1"].mean((1, 2)), atol=1e-6), "100 positions: the mean alone"
    few = direct["conv2"]
    assert np.allclose(small, np.concatenate([few.mean((1, 2)), few.max((1, 2))], 1), atol=1e-6), "16 positions"
    assert np.array_equal(flat, direct["flat"])


def test_some_rows_in_their_order() -> None:
    model, (x, _) = chain(), blobs(30)
    tapped = taps(model, ["hidden2"])
    assert np.array_equal(tapped.read(Sliced((x,)), np.arange(4, 9))[0], tapped.read(Sliced((x,)))[0][4:9])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WIDEST", 3)
    monkeypatch.setattr(module, "HELD_BYTES", 4 * (3 + 3) * 10)
    model, (x, _) = chain(), blobs(30)
    tapped = taps(model, ["hidden1", "hidden2"])
    assert tapped.widths == (3, 3)
    assert (tapped.most(30), tapped.most(5)) == (10, 5)
    hidden = named_outputs(joined(model.inputs, [output_of(model, "hidden1")]), x)["hidden1"]
    assert np.array_equal(tapped.read(Sliced((x,)))[0], hidden[:, [0, 2, 4]]), "three of seven, evenly"


def test_samples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ZooError, match=r"the model cannot take samples of shape \(9,\)"):
        taps(chain(), ["hidden1"]).read(Sliced((np.zeros((3, 9), np.float32),)))
