from __future__ import annotations

import numpy as np
import pytest
from conftest import chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import WIDTH, build, specs

from registry.errors import ZooError
from transfer.backbone import describe, functional
from transfer.graph import closed, weighted
from transfer.split import freeze, split

X = np.random.default_rng(0).normal(size=(6, WIDTH)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(specs(), st.data())
def test_tail_after_trunk_is_the_model(spec: list[tuple[str, tuple[int, ...]]], data: st.DataObject) -> None:
    model = build(spec)
    names = [layer.name for layer in describe(model) if layer.name != "outputs"]
    below = closed(describe(model), data.draw(st.sets(st.sampled_from(names))))
    halves = split(model, below)
    features = X if halves.trunk is None else halves.trunk(X, training=False)
    assert np.allclose(halves.tail(features, training=False), model(X, training=False), atol=1e-6)
    assert set(halves.cut) <= set(below)


def test_a_cut_may_be_several_tensors() -> None:
    model = build([("dense", (0,)), ("dense", (1,)), ("add", (1, 2))])
    halves = split(model, ("X", "block/l1"))
    assert halves.cut == ("block/l1",)
    wide = build([("dense", (0,)), ("dense", (1,)), ("dense", (2,)), ("add", (1, 3))])
    halves = split(wide, ("X", "block/l1", "block/l2"))
    assert halves.cut == ("block/l1", "block/l2")
    assert np.allclose(halves.tail(halves.trunk(X)), wide(X), atol=1e-6)


def test_freezing_sets_every_layer() -> None:
    model = chain()
    freeze(model, ("hidden1", "hidden3"))
    assert [variable.path.split("/")[0] for variable in model.trainable_variables] == ["hidden2"] * 2 + ["outputs"] * 2
    freeze(model, ())
    assert len(model.trainable_variables) == 8


def test_layers_are_described_in_order_with_what_they_read() -> None:
    layers = describe(chain())
    assert [(layer.name, layer.inputs) for layer in layers[:3]] == [
        ("X", ()), ("hidden1", ("X",)), ("hidden2", ("hidden1",)),
    ]  # fmt: skip
    assert layers[1].parameters == 8 * 7 + 7
    assert weighted(layers) == ("hidden1", "hidden2", "hidden3", "outputs")


def test_a_dropouts_seed_is_no_parameter() -> None:
    assert describe(build([("dropout", (0,))]))[1].parameters == 0


def test_models_that_cannot_be_split() -> None:
    import keras

    a, b = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ZooError, match="has 2 inputs and 1 outputs; expected one of each"):
        functional(keras.Model([a, b], keras.layers.Add()([a, b])))
    with pytest.raises(ZooError, match="has no graph of layers"):
        functional(keras.Sequential([keras.layers.Dense(2)]))
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="d")])
    assert [layer.name for layer in describe(functional(sequential))][1:] == ["d"]
