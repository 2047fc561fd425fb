"""Frozen graphs: constants become trainable weights of native layers again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf1_graphs as graphs

from registry.errors import ZooError
from transfer.importers import frozen_graph
from transfer.importers.table import importer_for
from transfer.scope import scope_of

tf1 = tf.compat.v1


def frozen(build: Any, file: Path, *outputs: str, resource: bool = False) -> Path:
    """Freeze a graph of `tf1_graphs` the way TensorFlow 1 did."""
    prefix = graphs.save(build, file.parent / "checkpoint", resource=resource)
    with tf.Graph().as_default() as graph, tf1.Session() as session:
        tf1.train.import_meta_graph(f"{prefix}.meta").restore(session, str(prefix))
        made = tf1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), list(outputs))
    file.write_bytes(made.SerializeToString())
    return file


@pytest.fixture(scope="module")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen(graphs.textbook, tmp_path_factory.mktemp("frozen") / "f.pb", "dnn/outputs/BiasAdd")


def run(file: Path, output: str, fed: dict[str, Any]) -> np.ndarray:
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.import_graph_def(tf1.GraphDef.FromString(file.read_bytes()), name="")
        return session.run(output, fed)


CASES = [
    (graphs.textbook, "dnn/outputs/BiasAdd", {}),
    (graphs.normalised, "dnn/outputs/BiasAdd", {}),
    (graphs.convolutional, "outputs/BiasAdd", {"is_training:0": False}),
    (graphs.residual, "add", {}),
]


@pytest.mark.parametrize("resource", [False, True], ids=["2018", "2020"])
@pytest.mark.parametrize(("build", "output", "fed"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_frozen_graph_is_native_and_trains(build: Any, output: str, fed: Any, resource: bool, tmp_path: Path) -> None:
    file = frozen(build, tmp_path / "frozen.pb", output, resource=resource)
    found = frozen_graph.read(file, output=output)
    assert found.format == "frozen-graph"
    assert found.native_share == 1.0 and "GraphLayer" not in {layer.type for layer in found.layers}
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert found.model.trainable_weights
    assert all(layer.sources for layer in found.layers if layer.parameters)
    x = np.random.default_rng(5).normal(size=(4, *found.model.inputs[0].shape[1:])).astype(np.float32)
    theirs = run(file, f"{output}:0", {"X:0": x, **flags(file), **fed})
    np.testing.assert_allclose(np.asarray(found.model(x)), theirs, rtol=1e-4, atol=1e-5)


def flags(file: Path) -> dict[str, bool]:
    graph = tf1.GraphDef.FromString(file.read_bytes())
    return {f"{n.name}:0": False for n in graph.node if n.op.startswith("Placeholder") and n.attr["dtype"].type == 10}


def test_the_last_layer_is_found(textbook: Path) -> None:
    found = frozen_graph.read(textbook)
    assert scope_of(found.model.layers[-1].name) == "outputs"
    assert found.layers[0].sources == ("hidden1/kernel", "hidden1/bias")


def test_settings_stay_constants(tmp_path: Path) -> None:
    """The mean of three colours is no weight, nor is a factor."""

    def build() -> None:
        x = graphs.image(6, 6, 3)
        prepared = (x - tf.constant([104.0, 117.0, 123.0])) * 0.5
        y = graphs.conv2d(prepared, 4, 3, "conv", tf.nn.relu)
        graphs.dense(tf.reshape(y, [-1, 6 * 6 * 4]), 2, "outputs")

    found = frozen_graph.read(frozen(build, tmp_path / "f.pb", "outputs/BiasAdd"))
    assert [layer.scope for layer in found.layers if layer.parameters] == ["conv", "outputs"]


@pytest.mark.parametrize("resource", [False, True], ids=["2018", "2020"])
def test_layers_of_few_channels_are_native_too(resource: bool, tmp_path: Path) -> None:
    """What was a variable is a weight, however few numbers it has."""

    def build() -> None:
        training = tf1.placeholder_with_default(False, (), "training")
        x = graphs.batch_normalization(graphs.conv2d(graphs.image(6, 6, 2), 3, 3, "conv"), training, "bn")
        alpha = graphs.variable("prelu/alpha", (3,), start=0.25)
        x = tf.nn.relu(x) + alpha * tf.minimum(x, 0.0)
        graphs.dense(tf.reduce_mean(x, [1, 2]), 2, "outputs")

    found = frozen_graph.read(frozen(build, tmp_path / "f.pb", "outputs/BiasAdd", resource=resource))
    parameters = {layer.type: layer.parameters for layer in found.layers if layer.parameters}
    assert parameters == {"Conv2D": 57, "BatchNormalization": 12, "PReLU": 3, "Dense": 8}
    assert found.native_share == 1.0


def test_what_is_claimed(textbook: Path, tmp_path: Path) -> None:
    assert frozen_graph.claims(textbook)
    for name in ("saved_model.pb", "f.onnx"):
        (tmp_path / name).write_bytes(textbook.read_bytes())
        assert not frozen_graph.claims(tmp_path / name)
    (tmp_path / "other.pb").write_bytes(b"\x08\x01")
    assert not frozen_graph.claims(tmp_path / "other.pb") and not frozen_graph.claims(tmp_path)


def refused(path: Path, **options: Any) -> ZooError:
    with pytest.raises(ZooError) as caught:
        frozen_graph.read(path, **options)
    return caught.value


def test_a_refusal_names_the_file_though_its_folder_is_a_letter(
    textbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()
    Path("m/f.pb").write_bytes(textbook.read_bytes())
    with pytest.raises(ZooError) as caught:
        importer_for("m/f.pb").read("m/f.pb", output="maximum")
    assert caught.value.message == "m/f.pb: the graph has no tensor 'maximum' for --output"


BROKEN = [
    (b"", "it has 0 bytes"),
    (b"\x0a\xff\xff\xff\xff\x0f", "it does not parse as a GraphDef"),
    (b"node {\n  name: 'x'\n}", "is the text form of a graph"),
    (b"\x0a\x03\x0a\x01x", "it holds no operations"),
]


@pytest.mark.parametrize(("data", "said"), BROKEN, ids=["empty", "cut", "text", "no-op"])
def test_a_file_that_is_none(data: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "f.pb"
    file.write_bytes(data)
    error = refused(file)
    assert str(file) in error.message and said in error.message


def test_control_flow_on_data_is_refused(tmp_path: Path) -> None:
    for build in (graphs.looping, graphs.conditional):
        (folder := tmp_path / build.__name__).mkdir()
        error = refused(frozen(build, folder / "f.pb", "outputs/BiasAdd"), output="outputs/BiasAdd")
        assert "it is part of a while loop" in error.message or "its condition depends on the data" in error.message
        assert "--input " in error.hint


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_is_one_error_or_harmless(seed: int, textbook: Path, tmp_path: Path) -> None:
    data, draws = bytearray(textbook.read_bytes()), random.Random(seed)
    if seed % 4 == 0:
        data = data[: draws.randrange(len(data))]
    else:
        for _ in range(1 + seed % 3):
            data[draws.randrange(min(len(data), 4000) if seed % 2 else len(data))] ^= 1 << draws.randrange(8)
    (tmp_path / "f.pb").write_bytes(data)
    try:
        frozen_graph.read(tmp_path / "f.pb")
    except ZooError as error:
        assert error.message and "\n" not in error.message
