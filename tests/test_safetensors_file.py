"""Weights as safetensors: all of them, once each, under their scopes, and the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import chain
from safetensors import safe_open

from registry.errors import ZooError
from transfer.importers.graph_layer import GraphLayer, encode
from transfer.safetensors_file import named, read, write


def graph_layer(name: str) -> GraphLayer:
    """A layer of a TensorFlow graph with a weight that trains and one that does not."""
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        scale = tf.compat.v1.placeholder(tf.float32, (4,), name="block/gamma")
        moved = tf.compat.v1.placeholder(tf.float32, (4,), name="block/moving_variance")
        tf.multiply(x, scale * moved, name="z")
    weights = [{"name": f"block/{kind}", "shape": [4], "dtype": "float32", "trainable": kind == "gamma"}
               for kind in ("gamma", "moving_variance")]  # fmt: skip
    return GraphLayer(encode(graph.as_graph_def()), ["x:0"], ["z:0"], weights, name=name)


@pytest.fixture(scope="module")
def model() -> Any:
    """Layers in layers, layers that are used twice, a random generator, a graph."""
    keras.utils.set_random_seed(0)
    keras.backend.clear_session()  # Keras numbers the parts of a Bidirectional over the whole process
    x = tensor = keras.Input((6, 4), name="X")
    tensor = keras.layers.Bidirectional(keras.layers.GRU(2, return_sequences=True), name="a>bi")(tensor)
    tensor = keras.layers.BatchNormalization(name="b>c>norm")(tensor)
    tensor = keras.layers.Dropout(0.5, name="drop")(tensor)
    inner = keras.Sequential(
        [keras.Input((6, 4)), keras.layers.Dense(4, name="d"), keras.layers.Dropout(0.5)], name="inner"
    )
    tensor = inner(tensor)
    dense = keras.layers.Dense(4, name="twice")
    tensor = dense(dense(tensor))
    tensor = keras.layers.GlobalAveragePooling1D(name="pool")(tensor)
    return keras.Model(x, graph_layer("graph")(tensor))


NAMES = [
    "a/bi/backward_gru/gru_cell/bias", "a/bi/backward_gru/gru_cell/kernel",
    "a/bi/backward_gru/gru_cell/recurrent_kernel", "a/bi/forward_gru/gru_cell/bias",
    "a/bi/forward_gru/gru_cell/kernel", "a/bi/forward_gru/gru_cell/recurrent_kernel",
    "b/c/norm/beta", "b/c/norm/gamma", "b/c/norm/moving_mean", "b/c/norm/moving_variance",
    "graph/block/gamma", "graph/block/moving_variance", "inner/d/bias", "inner/d/kernel", "twice/bias", "twice/kernel",
]  # fmt: skip


def test_a_dense_net(tmp_path: Path) -> None:
    write(chain(), tmp_path / "w.safetensors")
    names = [f"{layer}/{kind}" for layer in ("hidden1", "hidden2", "hidden3", "outputs") for kind in ("bias", "kernel")]
    assert sorted(read(tmp_path / "w.safetensors")) == names


def test_every_weight_is_in_it_once(model: Any, tmp_path: Path) -> None:
    write(model, tmp_path / "w.safetensors")
    found = read(tmp_path / "w.safetensors")
    assert sorted(found) == NAMES
    assert {id(weight) for weight in named(model).values()} == {id(weight) for weight in model.weights}
    assert len(found) == len(model.weights)
    for name, weight in named(model).items():
        assert found[name].dtype == weight.dtype
        np.testing.assert_array_equal(found[name], weight.value)


def test_a_loaded_model_has_the_same_names_and_bytes(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "m.keras")
    for number, made in enumerate((model, keras.models.load_model(tmp_path / "m.keras"))):
        write(made, tmp_path / f"{number}.safetensors")
    first, second = ((tmp_path / f"{number}.safetensors").read_bytes() for number in (0, 1))
    assert first == second
    assert json.loads(first[8 : 8 + int.from_bytes(first[:8], "little")])["__metadata__"] == {"format": "keras"}


def test_others_read_it(tmp_path: Path) -> None:
    write(chain(), tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "keras"}
        assert file.get_tensor("hidden1/kernel").shape == (8, 7)


class Holder(keras.layers.Layer):  # type: ignore[misc]
    """A layer with a weight of any type, and one without a shape."""

    def __init__(self, array: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.held = keras.Variable(array, dtype=array.dtype.name, trainable=False, name="held")
        self.bare = self.add_weight(name="bare", shape=())

    def call(self, x: Any) -> Any:
        return x


DTYPES = ["bfloat16", "float16", "float64", "int8", "uint16", "bool", "float8_e4m3fn", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_types(tmp_path: Path, dtype: str) -> None:
    array = np.arange(4).astype(tf.dtypes.as_dtype(dtype).as_numpy_dtype).reshape(2, 2)
    write(keras.Sequential([keras.Input((2,)), Holder(array, name="h")]), tmp_path / "w.safetensors")
    found = read(tmp_path / "w.safetensors")
    assert found["h/held"].dtype == array.dtype
    assert found["h/held"].tobytes() == array.tobytes()
    assert found["h/bare"].shape == ()


class Twins(keras.layers.Layer):  # type: ignore[misc]
    """A layer that calls two weights the same."""

    def build(self, _shape: Any) -> None:
        self.pair = [self.add_weight(name="w", shape=(1,)) for _ in range(2)]

    def call(self, x: Any) -> Any:
        return x * self.pair[0] * self.pair[1]


def test_two_weights_of_one_name(tmp_path: Path) -> None:
    made = keras.Sequential([keras.Input((1,)), Twins(name="twins")])
    write(made, tmp_path / "w.safetensors")
    assert sorted(read(tmp_path / "w.safetensors")) == ["twins/w", "twins/w_1"]


def test_layers_that_were_built_inside_another_model(tmp_path: Path) -> None:
    made = keras.Sequential([keras.layers.Dense(3, name="d")], name="outer")
    made.build((None, 2))
    assert sorted(named(made)) == ["d/bias", "d/kernel"]


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 64, (10**12).to_bytes(8, "little") + b"{}"])
def test_no_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(ZooError, match=r"w\.safetensors is no safetensors file, or a damaged one: "):
        read(tmp_path / "w.safetensors")


def test_a_truncated_file(tmp_path: Path) -> None:
    write(chain(), tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[:-1])
    with pytest.raises(ZooError, match="or a damaged one"):
        read(tmp_path / "w.safetensors")


def test_places_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot read the weights .*none: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(ZooError, match=r"cannot write the weights to .*none/w: .*No such file or directory"):
        write(chain(), tmp_path / "none" / "w")


def test_a_type_that_numpy_has_not(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    header = json.dumps({"w": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(ZooError, match=r"holds 'w' of the type F8_E8M0; expected one of F64"):
        read(path)
