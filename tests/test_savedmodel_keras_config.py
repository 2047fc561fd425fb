"""SavedModels of `zoo export` come back by their layers' configs: the same scopes, the same numbers, or a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from export_models import model as model_of_kind
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.exporters import saved_model
from transfer.exporters.exported import About, outputs_of
from transfer.importers import savedmodel
from transfer.importers.graph_layer import GraphLayer, encode
from transfer.importers.savedmodel.keras_config import FILE, HINT, Recorded, read_text
from transfer.samples import random_inputs

layers = keras.layers


def images_over_time() -> Any:
    x = keras.Input((3, 6, 5, 2), name="clip")
    y = layers.ConvLSTM2D(3, 3, return_sequences=True, name="block>over_time")(x)
    return keras.Model(x, layers.TimeDistributed(layers.Flatten(), name="flat")(y))


def stacked() -> Any:
    x = keras.Input((None, 3), name="steps")
    cells = layers.RNN([layers.GRUCell(4), layers.LSTMCell(2)], return_sequences=True, name="cells")
    return keras.Model(x, layers.Dense(2, name="out")(layers.Bidirectional(layers.GRU(2), name="both")(cells(x))))


def operations() -> Any:
    x = keras.Input((4,), name="x")
    y = keras.ops.exp(layers.Dense(3, name="a>b")(x))
    return keras.Model(x, keras.ops.erf(y / keras.ops.max(y, axis=1, keepdims=True))[:, 1:])


def attention() -> Any:
    x = keras.Input((4, 6), name="x")
    return keras.Model(x, layers.LayerNormalization()(layers.MultiHeadAttention(2, 3, name="block>attend")(x, x)))


def graph() -> Any:
    with tf.Graph().as_default() as held:
        x = tf.compat.v1.placeholder(tf.float32, (None, 3), name="x")
        kernel = tf.compat.v1.placeholder(tf.float32, (3, 3), name="k")
        tf.identity(tf.math.cumsum(tf.matmul(x, kernel), axis=1), name="z")
    weights = [{"name": "k", "shape": [3, 3], "dtype": "float32", "trainable": True}]
    source = keras.Input((3,), name="x")
    layer = GraphLayer(encode(held.as_graph_def()), ["x:0"], ["z:0"], weights, name="scope>part")
    return keras.Model(source, layers.LSTM(2)(layers.RepeatVector(3)(layer(source))))


def numbered() -> Any:
    """A model whose input is of whole numbers, and whose table has few rows."""
    x = keras.Input((5,), name="ids", dtype="int32")
    return keras.Model(x, layers.LSTM(3, name="r")(layers.Embedding(4, 2, name="e")(x)))


MODELS = (images_over_time, stacked, operations, attention, graph, numbered)


def stirred(make: Callable[[], Any]) -> Any:
    keras.utils.set_random_seed(3)
    made = make()
    draws = np.random.default_rng(3)
    for weight in made.weights:
        if str(weight.dtype).startswith("float"):
            weight.assign(draws.normal(0, 0.4, weight.shape))
    return made


def exported(model: Any, folder: Path) -> Path:
    assert saved_model.write(model, folder, About("net", "ab" * 32)) == ()
    return folder


@pytest.mark.parametrize("make", MODELS)
def test_scopes_and_numbers_come_back(make: Callable[[], Any], tmp_path: Path) -> None:
    model = stirred(make)
    back = savedmodel.read(exported(model, tmp_path / "m"))
    assert [(layer.name, type(layer)) for layer in back.model.layers] == [
        (layer.name, type(layer)) for layer in model.layers
    ]
    for ours, theirs in zip(back.model.weights, model.weights, strict=True):
        assert ours.name == theirs.name and np.array_equal(ours, theirs)
    assert back.max_rel_difference is not None and back.max_rel_difference < 1e-6
    assert back.compared_with == f"TensorFlow {tf.__version__}"
    inputs = random_inputs(model, 3, seed=5)
    for ours, theirs in zip(outputs_of(back.model, inputs), outputs_of(model, inputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_models_within_models_become_scopes(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((3, 2)), layers.LSTM(2, name="r")], name="inner")
    x = keras.Input((3, 2), name="x")
    model = keras.Model(x, inner(x))
    back = savedmodel.read(exported(model, tmp_path / "m"))
    assert [layer.scope for layer in back.layers] == ["inner/r"]
    assert back.layers[0].sources == tuple(weight.path for weight in inner.weights)
    assert set(back.unmapped.values()) == {"no weight of a layer, such as the state of a random generator"}


def test_weights_are_written_once(tmp_path: Path) -> None:
    model = model_of_kind("dense")
    stored = tf.train.load_checkpoint(str(exported(model, tmp_path / "m") / "variables" / "variables"))
    shapes = {name: shape for name, shape in stored.get_variable_to_shape_map().items() if shape}
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == model.count_params()
    assert sorted(name.split("/.A")[0] for name in shapes) == [
        "layers/block.Shidden/0", "layers/block.Shidden/1", "layers/out/0", "layers/out/1",
    ]  # fmt: skip


def test_keras_itself_reads_the_config(tmp_path: Path) -> None:
    model = model_of_kind("residual")
    text = (exported(model, tmp_path / "m") / FILE).read_text()
    assert [layer.name for layer in keras.models.model_from_json(text).layers] == [layer.name for layer in model.layers]


def test_named_tensors_still_mean_the_graph(tmp_path: Path) -> None:
    folder = exported(model_of_kind("dense"), tmp_path / "m")
    names = {layer.scope: layer.sources for layer in savedmodel.read(folder, signature="serving_default").layers}
    assert names["block/hidden"] == ("block>hidden/kernel", "block>hidden/bias")
    (folder / FILE).unlink()
    found = savedmodel.read(folder)
    assert sum(layer.parameters for layer in found.layers) == 6 * 5 + 5 + 5 * 3 + 3
    assert found.max_rel_difference is not None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(model_of_kind("lstm"), tmp_path_factory.mktemp("written") / "m")


def changed(found: dict[str, Any], layer: str, key: str, value: Any) -> dict[str, Any]:
    next(one for one in found["config"]["layers"] if one["name"] == layer)["config"][key] = value
    return found


def other_class(found: dict[str, Any]) -> dict[str, Any]:
    found["config"]["layers"][1] |= {"class_name": "Mine", "registered_name": "mine>Mine", "module": "mine"}
    return found


def code(found: dict[str, Any]) -> dict[str, Any]:
    found["config"]["layers"][1] |= {"class_name": "Lambda"}
    return found


def names_of(found: dict[str, Any]) -> tuple[str, str]:
    return found["config"]["layers"][1]["name"], found["config"]["layers"][2]["name"]


BAD: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda f: changed(f, names_of(f)[0], "activation", "relu"), r"the imported model differs from .* relative"),
    (lambda f: changed(f, names_of(f)[0], "use_bias", False),
     r"do not fit its architecture; misshapen: lstm\S* expected \[3, 12\] \[3, 12\], got \[3, 12\] \[3, 12\] \[12\]"),
    (lambda f: changed(f, names_of(f)[1], "units", 1 << 40), "would hold .* numbers; expected at most"),
    (lambda f: changed(f, "steps", "batch_shape", [None, 5, 3]), r"another model than the signature runs: expected "
     r"\[\(\(None, 4, 3\), 'float32'\)\] and 1 outputs, got \[\(\(None, 5, 3\), 'float32'\)\] and 1"),
    (lambda f: changed(f, names_of(f)[1], "name", "other"), "missing: other/kernel|unexpected: dense"),
    (other_class, "is of the class mine>Mine, which is not Keras's own and is not run"),
    (code, "is a Lambda, which would run"),
    (lambda f: f | {"class_name": "Dense"}, "is of the class Dense, which is not Keras's own"),
    (lambda f: f | {"config": 7}, "keras.json cannot be loaded: TypeError: Expected"),
    (lambda f: f | {"signature": {"inputs": ["steps"], "outputs": ["y"]}}, "names other inputs or outputs"),
    (lambda f: f | {"signature": {"inputs": ["steps", "steps"], "outputs": [1]}}, "expected a signature with"),
    (lambda f: {}, "expected a signature with"),
    (lambda f: [f], r"is no JSON object: expected {\.\.\.}, got a list"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_config_of_another_model_is_refused(
    change: Callable[[dict[str, Any]], Any], message: str, written: Path
) -> None:
    file = written / FILE
    text = file.read_text()
    try:
        file.write_text(json.dumps(change(json.loads(text))))
        with pytest.raises(ZooError, match=message) as caught:
            savedmodel.read(written)
    finally:
        file.write_text(text)
    assert "\n" not in caught.value.message


def test_a_broken_config_says_what_to_do(written: Path) -> None:
    file = written / FILE
    text = file.read_bytes()
    try:
        file.write_bytes(text[:100])
        with pytest.raises(ZooError, match=rf"{file} is no JSON: ") as caught:
            savedmodel.read(written)
    finally:
        file.write_bytes(text)
    assert caught.value.hint == HINT


def test_what_cannot_be_read_again_is_not_written(tmp_path: Path) -> None:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, keras.ops.clip(x, -np.inf, 2.0))
    model.name = "net"
    (note,) = saved_model.write(model, tmp_path / "m", About("net", "ab" * 32))
    assert note.startswith("it comes back by its graph, not by its layers: the config of net holds -Infinity: expected")
    assert not (tmp_path / "m" / FILE).exists()


NAMES = st.lists(st.text(max_size=9), min_size=1, max_size=4, unique=True)


@given(NAMES, NAMES)
def test_reading_is_the_inverse_of_writing(inputs: list[str], outputs: list[str]) -> None:
    held = Recorded({"class_name": "Functional", "config": {"layers": []}}, tuple(inputs), tuple(outputs))
    assert read_text(held.text(), "it") == held
