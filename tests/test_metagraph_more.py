"""What was added to the meta-graph reader: parametric ReLU, groups, embeddings, several ends, the first format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf1_graphs as graphs

from registry.errors import ZooError
from transfer.importers import metagraph
from transfer.scope import scope_of

tf1 = tf.compat.v1


def layers(found: Any) -> list[tuple[str, str]]:
    return [(layer.scope, layer.type) for layer in found.layers]


SPELLINGS: list[Callable[[Any, Any], Any]] = [
    lambda x, a: tf.nn.relu(x) + -a * tf.nn.relu(-x),
    lambda x, a: tf.maximum(0.0, x) + a * tf.minimum(0.0, x),
    lambda x, a: tf.nn.relu(x) + a * (x - tf.abs(x)) * 0.5,
    lambda x, a: a * (x - tf.abs(x)) * 0.5 + tf.nn.relu(x),
]


@pytest.mark.parametrize("shape", [(4,), (6, 6, 4)], ids=["channels", "places"])
@pytest.mark.parametrize("spell", SPELLINGS, ids=["keras", "minimum", "halved", "turned"])
def test_parametric_relu(spell: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    def build() -> None:
        x = graphs.conv2d(graphs.image(6, 6, 3), 4, 3, "conv")
        y = spell(x, graphs.variable("act/alpha", shape, start=0.25))
        graphs.dense(tf.reshape(y, [-1, 6 * 6 * 4]), 2, "outputs")

    found = metagraph.read(graphs.save(build, tmp_path))
    assert layers(found)[:2] == [("conv", "Conv2D"), ("act", "PReLU")]
    assert found.layers[1].sources == ("act/alpha",)
    assert found.native_share == 1.0 and found.max_rel_difference is not None


def test_what_only_looks_like_a_parametric_relu(tmp_path: Path) -> None:
    """Another slope above zero than 1 is no parametric ReLU: the proof would fail if it were taken for one."""

    def build() -> None:
        x, a = graphs.image(5), graphs.variable("a", (5,), start=0.25)
        graphs.dense(tf.nn.relu(2.0 * x) + -a * tf.nn.relu(-x), 2, "outputs")

    found = metagraph.read(graphs.save(build, tmp_path))
    assert "PReLU" not in {layer.type for layer in found.layers}
    assert found.max_rel_difference is not None


def test_grouped_convolution(tmp_path: Path) -> None:
    def build() -> None:
        x = graphs.image(6, 6, 4)
        kernel = graphs.variable("conv/kernel", (3, 3, 2, 8))
        y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + graphs.variable("conv/bias", (8,)))
        graphs.dense(tf.reduce_mean(y, [1, 2]), 2, "outputs")

    found = metagraph.read(graphs.save(build, tmp_path))
    assert layers(found)[0] == ("conv", "Conv2D")
    assert found.model.layers[1].groups == 2


@pytest.mark.parametrize("resource", [False, True], ids=["Gather", "ResourceGather"])
def test_whole_numbers_through_an_embedding(resource: bool, tmp_path: Path) -> None:
    def build() -> None:
        ids = tf1.placeholder(tf.int64, (None, 5), name="ids")
        y = tf.nn.embedding_lookup(graphs.variable("words/table", (9, 4)), ids)
        graphs.dense(tf.reduce_mean(y, [1]), 2, "outputs")

    prefix = graphs.save(build, tmp_path, resource=resource)
    found = metagraph.read(prefix, input="ids", output="outputs/BiasAdd")
    assert layers(found)[0] == ("words", "Embedding")
    assert found.native_share == 1.0
    ids = np.array([[0, 8, 3, 3, 1], [2, 2, 2, 2, 2]])
    theirs = graphs.run(prefix, "outputs/BiasAdd:0", {"ids:0": ids})
    np.testing.assert_allclose(np.asarray(found.model(ids)), theirs, rtol=1e-5, atol=1e-6)


def test_several_inputs_and_outputs_are_named_by_commas(tmp_path: Path) -> None:
    prefix = graphs.save(graphs.two_inputs, tmp_path)
    with pytest.raises(ZooError, match="the placeholders are X"):
        metagraph.read(prefix)
    found = metagraph.read(prefix, input="X,Z", output="outputs/BiasAdd,outputs/MatMul")
    assert [scope_of(tensor.name) for tensor in found.model.inputs] == ["X", "Z"]
    assert len(found.model.outputs) == 2 and found.max_rel_difference is not None


def test_the_first_format_of_checkpoints(tmp_path: Path) -> None:
    """One file for all weights, called like the prefix, as TensorFlow wrote it before 0.12."""
    with tf.Graph().as_default(), tf1.Session() as session:
        graphs.textbook()
        session.run(tf1.global_variables_initializer())
        graphs._stir(session)
        saver = tf1.train.Saver(write_version=tf1.train.SaverDef.V1)
        saver.save(session, str(tmp_path / "old.ckpt"), write_state=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.ckpt", "old.ckpt.meta"]
    for path in (tmp_path / "old.ckpt", tmp_path / "old.ckpt.meta", tmp_path):
        found = metagraph.read(path)
        assert layers(found) == [*((f"hidden{n}", "Dense") for n in range(1, 6)), ("outputs", "Dense")]
        assert found.max_rel_difference is not None
    data = (tmp_path / "old.ckpt").read_bytes()
    (tmp_path / "old.ckpt").write_bytes(data[: len(data) // 2])
    with pytest.raises(ZooError, match="cannot read"):
        metagraph.read(tmp_path / "old.ckpt")


@pytest.mark.parametrize("flow", [1, 2], ids=["Switch", "If"])
@pytest.mark.parametrize("build", [graphs.looping, graphs.conditional], ids=["loop", "condition"])
def test_control_flow_on_data_is_refused_and_what_follows_imports(build: Any, flow: int, tmp_path: Path) -> None:
    prefix = graphs.save(build, tmp_path, flow=flow)
    with pytest.raises(ZooError, match=r"part of a while loop|condition depends on the data") as caught:
        metagraph.read(prefix, output="outputs/BiasAdd")
    start = caught.value.hint.partition("--input ")[2].partition(";")[0]
    try:
        found = metagraph.read(prefix, input=start, output="outputs/BiasAdd")
    except ZooError as error:  # functions' insides cannot be named in a meta-graph
        assert "has no tensor" in error.message
    else:
        assert found.max_rel_difference is not None


def test_an_absurd_input_is_not_drawn(tmp_path: Path) -> None:
    def build() -> None:
        x = tf.reduce_max(graphs.image(1 << 28), 1, keepdims=True)
        graphs.dense(x, 2, "outputs")

    with pytest.raises(ZooError, match=r"the input is too large to compare .*\(2, 268435456\)"):
        metagraph.read(graphs.save(build, tmp_path))
