"""A part of a graph as a Keras layer: it computes, trains, is saved, and refuses what may not run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.graph_layer import GraphLayer, encode

tf1 = tf.compat.v1
VARIABLES = [
    {"name": "norm/kernel", "shape": [3, 3], "dtype": "float32", "trainable": True},
    {"name": "norm/gamma", "shape": [3], "dtype": "float32", "trainable": True},
    {"name": "norm/moving_variance", "shape": [3], "dtype": "float32", "trainable": False},
]


def segment(build: Callable[[], Any]) -> str:
    with tf.Graph().as_default() as graph:
        build()
    return encode(graph.as_graph_def())


def scaled() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    kernel, gamma, variance = (tf1.placeholder(tf.float32, v["shape"], name=v["name"]) for v in VARIABLES)
    z = tf.math.cumsum(tf.matmul(x, kernel), axis=1) * gamma * tf.math.rsqrt(variance + 0.1)
    tf.identity(z, name="z")
    tf.reduce_sum(z, 1, name="sum")


def made(makes: tuple[str, ...] = ("z:0",)) -> GraphLayer:
    layer = GraphLayer(segment(scaled), ["x:0"], list(makes), VARIABLES, name="norm")
    layer.reinitialise(0)
    return layer


def expected(layer: GraphLayer, x: np.ndarray) -> np.ndarray:
    kernel, gamma, variance = (np.asarray(weight.value) for weight in layer.held)
    return np.cumsum(x @ kernel, axis=1) * gamma / np.sqrt(variance + 0.1)


X = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


@pytest.mark.parametrize("way", ["eager", "function", "xla"])
def test_it_computes(way: str) -> None:
    layer = made()
    call = layer if way == "eager" else tf.function(layer, jit_compile=way == "xla")
    np.testing.assert_allclose(call(tf.constant(X)), expected(layer, X), rtol=1e-5)


def test_it_makes_several_tensors() -> None:
    layer = made(("z:0", "sum:0"))
    z, total = layer(tf.constant(X))
    np.testing.assert_allclose(total, np.sum(z, axis=1), rtol=1e-5)


def test_it_trains() -> None:
    source = keras.Input((3,))
    model = keras.Model(source, made()(source))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    before = [np.asarray(weight.value) for weight in model.layers[1].held]
    losses = model.fit(X, np.ones((5, 3)), epochs=3, verbose=0).history["loss"]
    after = [np.asarray(weight.value) for weight in model.layers[1].held]
    assert losses[2] < losses[0]
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [False, False, True]
    assert len(model.layers[1].trainable_weights) == 2


def saved(folder: Path) -> Path:
    source = keras.Input((3,))
    keras.Model(source, made()(source)).save(folder / "model.keras")
    return folder / "model.keras"


def test_it_survives_a_file(tmp_path: Path) -> None:
    again = keras.saving.load_model(saved(tmp_path))
    np.testing.assert_array_equal(again(X), made()(tf.constant(X)))


def test_reinitialising_is_seeded() -> None:
    layer, other = made(), made()
    other.reinitialise(1)
    kernels = [np.asarray(found.held[0].value) for found in (layer, made(), other)]
    assert np.array_equal(kernels[0], kernels[1]) and not np.array_equal(kernels[0], kernels[2])
    assert np.abs(kernels[0]).max() <= 1.0  # sqrt(6 / (3 + 3))
    assert [np.asarray(weight.value).tolist() for weight in layer.held[1:]] == [[1, 1, 1], [1, 1, 1]]


def reads_file() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    tf.add(x, tf.strings.to_number(tf.io.read_file("/etc/hostname")), name="z")


def writes_file() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    with tf.control_dependencies([tf.io.write_file("/tmp/written", "x")]):
        tf.identity(x, name="z")


def calls_python() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    tf.identity(tf.numpy_function(np.sin, [x], tf.float32), name="z")


def holds_variable() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    tf.add(x, tf1.get_variable("w", initializer=[1.0, 2.0, 3.0]), name="z")


def draws() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    tf.add(x, tf1.random_uniform((3,)), name="z")


def calls_function() -> None:
    x = tf1.placeholder(tf.float32, (None, 3), name="x")
    tf.identity(tf.function(tf.sin)(x), name="z")


REFUSED: list[tuple[Callable[[], None], str]] = [
    (reads_file, "cannot import the operation ReadFile"),
    (writes_file, "cannot import the operation WriteFile"),
    (calls_python, "it runs Python code"),
    (holds_variable, "cannot import the operation VarHandleOp"),
    (draws, "it draws random numbers"),
    (calls_function, "a graph layer may not hold functions"),
]


@pytest.mark.parametrize(("build", "said"), REFUSED, ids=[build.__name__ for build, _ in REFUSED])
def test_it_refuses_what_may_not_run(build: Callable[[], None], said: str) -> None:
    with pytest.raises(ZooError, match=said.replace("(", r"\(")):
        GraphLayer(segment(build), ["x:0"], ["z:0"], [])


def test_a_file_cannot_smuggle_it_in(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(held["config.json"])
    config["config"]["layers"][1]["config"].update(segment=segment(reads_file), variables=[])
    held["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    with pytest.raises(ZooError, match="cannot import the operation ReadFile"):
        keras.saving.load_model(tmp_path / "bad.keras")


DAMAGED = [
    ("???", "it is not in base64"),
    ("", "it is no GraphDef"),
    ("AAAA", "it is no GraphDef"),
]


@pytest.mark.parametrize(("text", "said"), DAMAGED)
def test_a_damaged_segment(text: str, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        GraphLayer(text, ["x:0"], ["z:0"], [])


def test_a_segment_that_lacks_a_tensor() -> None:
    with pytest.raises(ZooError, match="it lacks y:0"):
        GraphLayer(segment(scaled), ["y:0"], ["z:0"], VARIABLES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [1 << 20, 1 << 20]}, "is too large: expected at most"),
        ({"shape": [-3]}, "variable is damaged"),
        ({"shape": "3"}, "variable is damaged"),
        ({"more": 1}, "variable is damaged"),
    ],
)
def test_weights_that_no_graph_has(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ZooError, match=said):
        GraphLayer(segment(scaled), ["x:0"], ["z:0"], [VARIABLES[0] | change, *VARIABLES[1:]])
