"""Where the importer stops: odd names, odd outputs, several Savers, damage inside a graph that still parses."""

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
from transfer.importers.metagraph.graph import Graph, Node
from transfer.importers.metagraph.prefix import prefix_of
from transfer.importers.metagraph.variables import parse_slices
from transfer.importers.metagraph.wellformed import check_form, check_order

tf1 = tf.compat.v1


def refused(path: Path, **options: Any) -> ZooError:
    with pytest.raises(ZooError) as caught:
        metagraph.read(path, **options)
    assert caught.value.hint
    return caught.value


def ends() -> None:
    """Outputs of other kinds on one layer."""
    z = graphs.dense(graphs.image(4), 3, "o")
    tf.greater(z, 0.0, name="above")
    tf.argmax(z, 1, name="best")
    tf.reduce_mean(z, name="mean")
    tf.cast(tf.shape(z), tf.float32, name="size")
    tf.group(z.op, name="step")


ENDS = [
    ({"output": "above"}, "the output above:0 cannot be imported: it holds bool; expected float32 numbers"),
    ({"output": "best"}, "it holds int64; expected float32 numbers for each sample"),
    ({"output": "mean"}, "it holds one number for the whole batch"),
    ({"output": "size"}, "it depends on the shape of the input, not on its values"),
    ({"output": "step"}, "the graph has no tensor 'step' for --output"),
    ({"output": "o/BiasAdd:3"}, "the graph has no tensor 'o/BiasAdd:3' for --output"),
    ({"input": "X:4"}, "the graph has no tensor 'X:4' for --input"),
]


@pytest.fixture(scope="module")
def several_ends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graphs.save(ends, tmp_path_factory.mktemp("ends"))


@pytest.mark.parametrize(("asked", "said"), ENDS)
def test_an_output_holds_float32_for_each_sample(several_ends: Path, asked: dict[str, str], said: str) -> None:
    assert said in refused(several_ends, **asked).message


@pytest.mark.parametrize("renamed_last", [True, False])
def test_the_saver_that_wrote_the_files_names_them(tmp_path: Path, renamed_last: bool) -> None:
    """A second Saver, for the weights of another model, calls the same variables otherwise."""
    with tf.Graph().as_default(), tf1.variable_scope("", use_resource=False), tf1.Session() as session:
        graphs.dense(graphs.image(4), 3, "o")
        other = {f"old/{variable.op.name}": variable for variable in tf1.global_variables()}
        makers: list[Callable[[], Any]] = [tf1.train.Saver, lambda: tf1.train.Saver(other)]
        savers = [make() for make in (makers if renamed_last else makers[::-1])]
        session.run(tf1.global_variables_initializer())
        savers[0 if renamed_last else 1].save(session, str(tmp_path / "model.ckpt"), write_state=False)
    assert metagraph.read(tmp_path / "model.ckpt").layers[0].sources == ("o/kernel", "o/bias")


def other_precision() -> None:
    """Two scopes, the second of which reads float64 from the first."""
    hidden = graphs.dense(graphs.image(4), 4, "hidden")
    with tf1.name_scope("a"):
        wide = tf.cumsum(tf.cast(hidden, tf.float64), axis=1)
    with tf1.name_scope("b"):
        narrow = tf.cast(tf.cumsum(wide, axis=1), tf.float32)
    graphs.dense(narrow, 2, "outputs")


def named_with_a_bracket() -> None:
    """Two scopes that Keras would spell alike."""
    graphs.dense(graphs.dense(graphs.dense(graphs.image(4), 4, "a>b"), 4, "a/b"), 2, "outputs")


def squeezed() -> None:
    """A squeeze that names no axes."""
    tf.squeeze(tf.expand_dims(graphs.dense(graphs.image(4), 3, "outputs"), 1), name="squeezed")


def asserted() -> None:
    """An assertion on the way, with its message."""
    hidden = graphs.dense(graphs.image(4), 4, "hidden")
    with tf.control_dependencies([tf1.assert_greater(tf.reduce_sum(tf.abs(hidden)), -1.0, message="small")]):
        hidden = tf.identity(hidden)
    graphs.dense(hidden, 2, "outputs")


WORKING = [
    (other_precision, ["hidden", "a", "b", "outputs"]),
    (named_with_a_bracket, ["a/b", "a/b_1", "outputs"]),
    (asserted, ["hidden", "outputs"]),
]


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize(("build", "scopes"), WORKING, ids=[build.__name__ for build, _ in WORKING])
def test_odd_graphs_that_work(tmp_path: Path, build: Any, scopes: list[str], resource: bool) -> None:
    found = metagraph.read(graphs.save(build, tmp_path, resource=resource, flow=1 + resource))
    assert [layer.scope for layer in found.layers] == scopes
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-5


def test_a_squeeze_never_drops_the_batch(tmp_path: Path) -> None:
    model = metagraph.read(graphs.save(squeezed, tmp_path), output="squeezed").model
    assert model(np.zeros((1, 4), np.float32)).shape == (1, 3)


def test_a_graph_for_one_sample(tmp_path: Path) -> None:
    def build() -> None:
        graphs.dense(tf.expand_dims(tf1.placeholder(tf.float32, (3,), name="X"), 0), 3, "o")

    assert "the graph takes its input X:0 [3] in this one size" in refused(graphs.save(build, tmp_path)).message


def spoiled(build: Any, folder: Path, spoil: Callable[[Any], None]) -> Path:
    prefix = graphs.save(build, folder)
    meta = tf1.MetaGraphDef.FromString(Path(f"{prefix}.meta").read_bytes())
    spoil({node.name: node for node in meta.graph_def.node})
    Path(f"{prefix}.meta").write_bytes(meta.SerializeToString())
    return prefix


def test_a_graph_that_reads_itself_does_not_hang(tmp_path: Path) -> None:
    def build() -> None:
        hidden = tf.identity(tf.identity(graphs.image(4), name="first"), name="second")
        graphs.dense(hidden * hidden, 3, "o")

    def spoil(nodes: Any) -> None:
        nodes["first"].input[0] = "second"

    assert "reads what it makes" in refused(spoiled(build, tmp_path, spoil), output="o/BiasAdd").message


def test_a_while_loop_is_no_circle() -> None:
    loop = [
        Node("enter", "Enter", ("x:0",)),
        Node("merge", "Merge", ("enter:0", "next:0")),
        Node("next", "NextIteration", ("merge:0",)),
    ]
    check_order(Graph({node.name: node for node in loop}))


def test_names_in_a_saver_that_are_no_text(tmp_path: Path) -> None:
    def spoil(nodes: Any) -> None:
        nodes["save/SaveV2/tensor_names"].attr["value"].tensor.string_val[0] = b"\xaf\xfe"

    assert "has no values for" in refused(spoiled(graphs.inference, tmp_path, spoil)).message
    with pytest.raises(ZooError, match="'4 4 a:b' is no slice of a variable"):
        parse_slices("4 4 a:b")


def called() -> Any:
    with tf.Graph().as_default() as graph:
        tf.function(lambda a: tf.sin(a) + tf.cos(a))(tf1.placeholder(tf.float32, (None, 2), name="X"))
    return graph.as_graph_def()


def test_a_function_that_reads_what_is_not_there() -> None:
    graph_def = called()
    (function,) = graph_def.library.function
    check_form(graph_def)
    function.node_def[-1].input[0] = "gone:z:0"
    with pytest.raises(ZooError, match="reads 'gone:z:0', which is not there"):
        check_form(graph_def)
    function.ret.clear()
    with pytest.raises(ZooError, match=r"the graph is damaged: the function .* does not return"):
        check_form(graph_def)


def test_a_path_that_cannot_be_looked_at() -> None:
    with pytest.raises(ZooError, match=r"cannot look at aaa.*: File name too long"):
        prefix_of("a" * 5000)


def test_a_net_too_deep_for_keras(tmp_path: Path) -> None:
    def build() -> None:
        hidden = graphs.image(2)
        for _ in range(1000):
            hidden = tf.tanh(hidden)
        graphs.dense(hidden, 2, "outputs")

    assert "1001 layers, one upon the other: deeper than Keras" in refused(graphs.save(build, tmp_path)).message
