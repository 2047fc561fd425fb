from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import VOCABULARY, WIDTH, build, build_joined, joined_specs, specs

from registry.errors import ZooError
from transfer.backbone import describe, functional, input_specs, model_inputs, output_specs
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


JOINED = {"a": X, "b": X[::-1].copy(), "tokens": np.arange(6, dtype=np.int32)[:, None]}


def passed(model: Any, tensors: Any) -> list[np.ndarray]:
    """Run a model on a list of tensors, and return its outputs as a list."""
    made = model(tensors if len(tensors) > 1 else tensors[0], training=False)
    return [np.asarray(tensor) for tensor in (made if isinstance(made, list | tuple) else [made])]


@settings(max_examples=25, deadline=None)
@given(joined_specs(), st.sampled_from([(3,), (3, 2)]), st.data())
def test_tail_after_trunk_is_the_model_with_several_inputs_and_outputs(
    spec: list[tuple[str, tuple[int, ...]]], outputs: tuple[int, ...], data: st.DataObject
) -> None:
    model = functional(build_joined(spec, outputs))
    names = [layer.name for layer in describe(model)]
    below = closed(describe(model), data.draw(st.sets(st.sampled_from(names))))
    halves = split(model, below)
    inputs = list(JOINED.values())
    features = inputs if halves.trunk is None else passed(halves.trunk, inputs)
    for got, expected in zip(passed(halves.tail, features), passed(model, inputs), strict=True):
        assert np.allclose(got, expected, atol=1e-6)
    assert len(set(halves.cut)) == len(halves.cut), "each of the cut's tensors has a name of its own"
    assert model.get_config()["input_layers"], "and the model is still whole"
    assert functional(type(model).from_config(model.get_config())).count_params() == model.count_params()


def test_an_input_that_is_read_above_the_cut_is_part_of_it() -> None:
    model = functional(build_joined([("dense", (0,))]))
    halves = split(model, closed(describe(model), {"block/l1"}))
    assert sorted(halves.cut) == ["a", "b", "block/l1", "tokens"]
    halves = split(model, closed(describe(model), {"block/l1", "embedding"}))
    assert halves.cut == ("whole",)


def test_outputs_of_one_layer_have_names_of_their_own() -> None:
    model = functional(build_joined([("lstm", (0,))]))
    lstm = model.get_layer("block>l1").output
    states = functional(type(model)(model.inputs, [model.outputs[0], lstm[0], lstm[2]]))
    assert [spec.name for spec in output_specs(states)] == ["head0", "block/l1", "block/l1:2"]
    assert [(spec.name, spec.shape, spec.dtype) for spec in input_specs(states)] == [
        ("a", (None, WIDTH), "float32"), ("b", (None, WIDTH), "float32"), ("tokens", (None, 1), "int32"),
    ]  # fmt: skip
    assert [one.indices for one in model_inputs(states)] == [None, None, VOCABULARY]


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

    a, rate = keras.Input((2,), name="a"), keras.Input(batch_shape=(), name="rate")
    with pytest.raises(ZooError, match="the model's input rate is a single number for all samples"):
        functional(keras.Model([a, rate], a * rate))
    with pytest.raises(ZooError, match="has no graph of layers"):
        functional(keras.Sequential([keras.layers.Dense(2)]))
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="d")])
    assert [layer.name for layer in describe(functional(sequential))][1:] == ["d"]
