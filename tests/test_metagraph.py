"""TensorFlow 1 graphs become native Keras models with the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf1_graphs as graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transfer.imported import Imported
from transfer.importers import metagraph
from transfer.scope import scope_of

KINDS = [(False, 1), (True, 2)]  # reference variables and Switch; resource variables and If
IDS = ["2018", "2020"]

# Each graph: what it is asked for, its output, and its layers as (scope, type) from the input upwards.
CASES: list[tuple[Any, dict[str, str], str, list[tuple[str, str]]]] = [
    (
        graphs.textbook,
        {},
        "dnn/outputs/BiasAdd:0",
        [*((f"hidden{n}", "Dense") for n in range(1, 6)), ("outputs", "Dense")],
    ),
    (
        graphs.normalised,
        {},
        "dnn/outputs/BiasAdd:0",
        [
            ("dnn/dropout", "Dropout"),
            ("hidden1", "Dense"),
            ("bn1", "BatchNormalization"),
            ("dnn/elu", "Activation"),
            ("hidden2", "Dense"),
            ("bn2", "BatchNormalization"),
            ("dnn/elu_1", "Activation"),
            ("outputs", "Dense"),
        ],
    ),
    (
        graphs.leaky,
        {},
        "dnn/outputs/BiasAdd:0",
        [
            ("hidden1", "Dense"),
            ("dnn/leaky_relu", "LeakyReLU"),
            ("hidden2", "Dense"),
            ("dnn/leaky_relu_1", "LeakyReLU"),
            ("outputs", "Dense"),
        ],
    ),
    (
        graphs.convolutional,
        {},
        "outputs/BiasAdd:0",
        [
            ("conv1", "Conv2D"),
            ("bn", "BatchNormalization"),
            ("pool1", "MaxPooling2D"),
            ("conv2", "Conv2D"),
            ("pool2", "AveragePooling2D"),
            ("flat", "Flatten"),
            ("fc1", "Dense"),
            ("fc1_drop", "Dropout"),
            ("outputs", "Dense"),
        ],
    ),
    (
        graphs.residual,
        {},
        "add:0",
        [
            ("Pad", "ZeroPadding2D"),
            ("stem", "Conv2D"),
            ("branch", "Conv2D"),
            ("shortcut", "Conv2D"),
            ("sum", "Add"),
            ("sum_relu", "Activation"),
            ("concat", "Concatenate"),
            ("transpose", "Permute"),
            ("gap", "GlobalAveragePooling2D"),
            ("flat", "Flatten"),
            ("low", "Dense"),
            ("high", "Dense"),
            ("add", "Add"),
        ],
    ),
    (graphs.kept, {}, "Softmax:0", [("W1", "Dense"), ("dropout", "Dropout"), ("W2", "Dense")]),
    (graphs.several, {"output": "left/Tanh"}, "left/Tanh:0", [("left", "Dense")]),
    (
        graphs.custom,
        {},
        "outputs/BiasAdd:0",
        [
            ("conv", "Conv2D"),
            ("lrn", "GraphLayer"),
            ("Reshape", "Flatten"),
            ("attend", "GraphLayer"),
            ("l2", "GraphLayer"),
            ("outputs", "Dense"),
        ],
    ),
    (
        graphs.sequence,
        {},
        "outputs/BiasAdd:0",
        [("conv1d", "Conv1D"), ("each", "Dense"), ("Max", "GlobalMaxPooling1D"), ("outputs", "Dense")],
    ),
    (
        graphs.depthwise,
        {},
        "outputs/BiasAdd:0",
        [
            ("dw", "DepthwiseConv2D"),
            ("sep", "SeparableConv2D"),
            ("dilated", "Conv2D"),
            ("atrous", "Conv2D"),
            ("Max", "GlobalMaxPooling2D"),
            ("outputs", "Dense"),
        ],
    ),
    (
        graphs.split,
        {},
        "outputs/BiasAdd:0",
        [
            ("hidden", "Dense"),
            ("halves", "GraphLayer"),
            ("tied/kernel", "Dense"),
            ("tied/kernel_1", "Dense"),
            ("tied/mul", "Multiply"),
            ("outputs", "Dense"),
        ],
    ),
    (graphs.autoencoder, {}, "outputs/BiasAdd:0", [("hidden", "Dense"), ("outputs", "Dense")]),
    (graphs.inference, {}, "final_result:0", [("Reshape", "Flatten"), ("outputs", "Dense")]),
    (graphs.partitioned, {}, "outputs/BiasAdd:0", [("hidden", "Dense"), ("outputs", "Dense")]),
    (graphs.counted, {}, "outputs/BiasAdd:0", [("steps", "GraphLayer"), ("outputs", "Dense")]),
    (graphs.whole_numbers, {"input": "floats"}, "outputs/BiasAdd:0", [("truediv", "Rescaling"), ("outputs", "Dense")]),
]
NAMES = [case[0].__name__ for case in CASES]


def inputs_of(model: Any, seed: int = 1) -> np.ndarray:
    shape = (4, *model.input_shape[1:])
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("resource", "flow"), KINDS, ids=IDS)
@pytest.mark.parametrize(("build", "asked", "output", "layers"), CASES, ids=NAMES)
def test_a_graph_becomes_layers_that_compute_the_same(
    build: Any, asked: dict[str, str], output: str, layers: list[Any], resource: bool, flow: int, tmp_path: Path
) -> None:
    prefix = graphs.save(build, tmp_path, resource=resource, flow=flow)
    found = metagraph.read(prefix, **asked)
    assert [(layer.scope, layer.type) for layer in found.layers] == layers
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-5
    x = inputs_of(found.model)
    fed = {f"{asked.get('input') or scope_of(found.model.inputs[0].name)}:0": x}
    if build is graphs.kept:
        fed["keep_prob:0"] = np.float32(1)
    if build is graphs.convolutional:
        fed["is_training:0"] = np.asarray(False)
    theirs = graphs.run(prefix, output, fed)
    np.testing.assert_allclose(found.model(x, training=False), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("build", "asked", "output", "layers"), CASES, ids=NAMES)
def test_an_imported_model_trains_and_survives_a_file(
    build: Any, asked: dict[str, str], output: str, layers: list[Any], tmp_path: Path
) -> None:
    model = metagraph.read(graphs.save(build, tmp_path), **asked).model
    x = inputs_of(model)
    before = np.asarray(model(x, training=False))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x, training=False), before)
    trained = model.trainable_variables
    gradients = gradients_of(model, x)
    assert trained and all(gradient is not None for gradient in gradients)
    for variable, gradient in zip(trained, gradients, strict=True):
        variable.assign_sub(1e-5 * gradient)
    assert np.mean(np.square(model(x, training=False))) < np.mean(np.square(before))


def gradients_of(model: Any, x: np.ndarray) -> list[Any]:
    """The gradients of the outputs' mean square, in a `tf.function`, as Keras trains."""

    @tf.function
    def step() -> list[Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=False)))
        return tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    return list(step())


def test_training_is_recovered(tmp_path: Path) -> None:
    model = metagraph.read(graphs.save(graphs.normalised, tmp_path)).model
    first, second, dropout = (model.get_layer(name) for name in ("bn1", "bn2", "dnn>dropout"))
    assert (first.momentum, second.momentum, dropout.rate) == (0.9, 0.8, 0.3)
    assert (first.epsilon, first.scale, second.scale) == (0.001, True, False)
    assert len(first.trainable_weights) == 2 and len(first.non_trainable_weights) == 2
    assert metagraph.read(graphs.save(graphs.convolutional, tmp_path)).model.get_layer("fc1_drop").rate == 0.4
    x = inputs_of(model)
    assert not np.allclose(model(x, training=True), model(x, training=False))


def test_the_account_says_where_everything_went(tmp_path: Path) -> None:
    found = metagraph.read(graphs.save(graphs.textbook, tmp_path))
    assert found.format == "tf1-metagraph"
    assert found.layers[0].sources == ("hidden1/kernel", "hidden1/bias")
    assert found.layers[0].parameters == 20 * 8 + 8
    assert found.unmapped["hidden1/kernel/Adam"] == "optimizer slot"
    assert found.unmapped["train/beta1_power"] == "optimizer slot"
    assert "hidden1/kernel:0" in found.collections["trainable_variables"]
    assert found.notes == ()
    assert found.model.inputs[0].name == "X"


def test_what_is_not_needed_is_said(tmp_path: Path) -> None:
    found = metagraph.read(graphs.save(graphs.several, tmp_path), output="left/Tanh:0")
    assert found.unmapped == dict.fromkeys(
        ["outputs/bias", "outputs/kernel", "right/bias", "right/kernel"], "not needed by the output"
    )


def test_what_layers_cannot_carry_over_is_noted(tmp_path: Path) -> None:
    assert metagraph.read(graphs.save(graphs.split, tmp_path)).notes == (
        "tied/kernel is used by 2 layers, which train apart now",
    )
    assert metagraph.read(graphs.save(graphs.kept, tmp_path)).notes == (
        "the rate of the dropout dropout/mul is fed to keep_prob:0: here it is 0",
    )
    assert metagraph.read(graphs.save(graphs.kept_now, tmp_path)).notes == (
        "the rate of the dropout dropout/SelectV2 is computed from keep_prob: here it is 0",
    )


def test_dropout_that_is_always_on_is_off_in_inference(tmp_path: Path) -> None:
    model = metagraph.read(graphs.save(graphs.always, tmp_path)).model
    assert model.get_layer("dropout").rate == 0.5


def test_a_signature_names_the_ends(tmp_path: Path) -> None:
    found = metagraph.read(graphs.signed(tmp_path))
    assert [layer.scope for layer in found.layers] == ["hidden", "outputs"]
    assert found.model.layers[-1].activation is keras.activations.softmax


def test_the_seed_decides_the_inputs_and_no_comparison_is_possible(tmp_path: Path) -> None:
    prefix = graphs.save(graphs.convolutional, tmp_path)
    first, again = (metagraph.read(prefix, seed=3).max_abs_difference for _ in range(2))
    assert first == again
    assert metagraph.read(prefix, compare=False).max_abs_difference is None


def check_same(build: Any, folder: Path) -> Imported:
    found = metagraph.read(graphs.save(build, folder))
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    return found


ACTIVATIONS = [None, tf.nn.relu, tf.nn.elu, tf.nn.selu, tf.nn.tanh, tf.nn.sigmoid, tf.nn.softplus, tf.nn.leaky_relu]
few = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(ACTIVATIONS)), min_size=1, max_size=5))
def test_any_chain_of_dense_layers(tmp_path: Path, chain: list[tuple[int, Any]]) -> None:
    def build() -> None:
        hidden = graphs.image(7)
        for number, (units, activation) in enumerate(chain):
            hidden = graphs.dense(hidden, units, f"layer{number}", activation)

    found = check_same(build, tmp_path)
    weighted = [layer.scope for layer in found.layers if layer.parameters]
    assert weighted == [f"layer{number}" for number in range(len(chain))]


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.sampled_from(["SAME", "VALID"]))


@few
@given(st.lists(SHAPES, min_size=1, max_size=3), st.booleans())
def test_any_chain_of_convolutions(tmp_path: Path, chain: list[tuple[int, int, int, str]], flat: bool) -> None:
    def build() -> None:
        hidden = graphs.image(16, 15, 2)
        for number, (filters, size, stride, padding) in enumerate(chain):
            hidden = graphs.conv2d(hidden, filters, size, f"conv{number}", tf.nn.relu, strides=stride, padding=padding)
        area = int(np.prod(hidden.shape[1:]))
        hidden = tf.reshape(hidden, [-1, area]) if flat else tf.reduce_mean(hidden, [1, 2])
        graphs.dense(hidden, 3, "outputs")

    assert all(layer.type != "GraphLayer" for layer in check_same(build, tmp_path).layers)
