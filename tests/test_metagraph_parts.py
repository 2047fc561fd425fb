"""The importer's parts, each on the smallest graph that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf1_graphs as graphs

from registry.errors import ZooError
from transfer.importers.metagraph.constants import evaluate, scalar, whole
from transfer.importers.metagraph.dropout import dropout
from transfer.importers.metagraph.endpoints import find_output
from transfer.importers.metagraph.fold import flags, fold
from transfer.importers.metagraph.graph import Graph, Node, canonical
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.momentum import momentum
from transfer.importers.metagraph.names import Aliases, aliases, name_all
from transfer.importers.metagraph.restore import own_restore
from transfer.importers.metagraph.safety import PURE, RUNNABLE, check
from transfer.importers.metagraph.segments import segments
from transfer.importers.metagraph.unmapped import unmapped
from transfer.importers.metagraph.variables import Stored, parse_slices, saved
from transfer.importers.metagraph.view import Piece, View, Weight

tf1 = tf.compat.v1


def built(build: Callable[[], Any], flow: int = 1) -> Any:
    with tf.Graph().as_default() as graph, graphs.control_flow(flow), tf1.variable_scope("", use_resource=flow == 2):
        build()
    return graph.as_graph_def()


def chain(*ops: tuple[str, str, tuple[str, ...]]) -> Graph:
    return Graph({name: Node(name, op, tuple(map(canonical, inputs))) for name, op, inputs in ops})


def test_order_follows_reads_and_survives_loops() -> None:
    graph = chain(("c", "Add", ("a", "b")), ("a", "X", ()), ("b", "Neg", ("a",)), ("d", "Neg", ("d",)))
    assert graph.ordered(["c:0"]) == ["a", "b", "c"]
    assert graph.ordered(["c:0"], stop=["b:0"]) == ["a", "c"]
    assert graph.ordered(["d:0"]) == ["d"]
    assert graph.only_reader("b:0") is graph.nodes["c"] and graph.only_reader("a:0") is None


@pytest.mark.parametrize("flow", [1, 2])
@pytest.mark.parametrize("negated", [False, True])
def test_a_switch_folds_to_one_way(flow: int, negated: bool) -> None:
    def build() -> None:
        x = graphs.image(3)
        training = tf1.placeholder_with_default(negated, (), name="is_inference" if negated else "training")
        tf.identity(tf1.cond(training, lambda: tf.tanh(x), lambda: tf.sigmoid(x)), name="y")

    graph = lowered(built(build, flow))
    ops = {way: {node.op for node in fold(graph, ["y:0"], training=way).graph.nodes.values()} for way in (False, True)}
    kept = [{"Placeholder", "Sigmoid"}, {"Placeholder", "Tanh"}]
    assert [ops[False], ops[True]] == (kept[::-1] if negated else kept)
    assert list(flags(graph).values()) == [np.asarray(negated)]


def test_calls_and_nested_branches_are_written_out() -> None:
    def build() -> None:
        x = graphs.image(3)
        training = tf1.placeholder(tf.bool, (), name="training")

        @tf.function
        def inner(z: tf.Tensor) -> tf.Tensor:
            return tf.cond(training, lambda: tf.cond(training, lambda: tf.sin(z), lambda: tf.cos(z)), lambda: tf.exp(z))

        tf.identity(inner(x), name="y")

    folded = fold(lowered(built(build, 2)), ["y:0"])
    assert [node.op for node in folded.graph.nodes.values()] == ["Placeholder", "Exp"]


DROPOUTS: list[tuple[Callable[[tf.Tensor], tf.Tensor], float | None]] = [
    (lambda x: graphs.old_dropout(x, 0.8), 0.2),
    (lambda x: graphs.old_dropout(x, tf1.placeholder(tf.float32, name="keep")), None),
    (lambda x: graphs.new_dropout(x, 0.3), 0.3),
    (lambda x: tf1.nn.dropout(x, rate=0.25), 0.25),
    (lambda x: tf1.nn.dropout(x, rate=tf1.placeholder(tf.float32, (), name="rate")), None),
]


@pytest.mark.parametrize(("drop", "rate"), DROPOUTS)
def test_dropout_is_recognised_in_its_spellings(drop: Any, rate: float | None) -> None:
    graph = Graph.of(built(lambda: tf.identity(drop(graphs.image(3)), name="y")).node)
    found = dropout(graph, graph.nodes["y"].inputs[0])
    assert found is not None and (found.source, found.rate) == ("X:0", rate)


def test_other_products_are_no_dropout() -> None:
    def build() -> None:
        x = graphs.image(3)
        tf.multiply(x / 0.5, tf.floor(0.5 + x), name="y")

    assert dropout(Graph.of(built(build).node), "y:0") is None


def by_hand() -> None:
    mean = graphs.variable("moving_mean", (3,), trainable=False, start=0)
    tf1.assign(mean, mean * 0.75 + tf.reduce_mean(graphs.image(3), 0) * 0.25)


@pytest.mark.parametrize("flow", [1, 2])
@pytest.mark.parametrize(
    ("build", "variable", "value"),
    [(by_hand, "moving_mean", 0.75), (graphs.normalised, "bn2/moving_variance", 0.8), (graphs.leaky, "none", None)],
)
def test_momentum_is_read_from_the_update(build: Any, variable: str, value: float | None, flow: int) -> None:
    assert momentum(lowered(built(build, flow)), variable) == value


def test_constants_are_computed() -> None:
    def build() -> None:
        size = tf.shape(tf.zeros((2, 3)))
        tf.stack([size[0] * 2, -1, size[1]], name="list")
        tf.concat([size[1:], [7]], 0, name="joined")
        tf.identity(1 / (1 - tf.constant(0.2)), name="scale")

    graph = Graph.of(built(build).node)
    assert whole(graph, "list:0") == (4, -1, 3)
    assert whole(graph, "joined:0") == (3, 7)
    assert scalar(graph, "scale:0") == pytest.approx(1.25)
    assert evaluate(chain(("y", "Add", ("x", "x")), ("x", "Placeholder", ())), "y:0") is None
    assert evaluate(chain(("y", "Add", ("y", "y"))), "y:0") is None


OUTPUTS = [
    (graphs.textbook, "dnn/outputs/BiasAdd:0"),
    (graphs.kept, "Softmax:0"),
    (graphs.convolutional, "outputs/BiasAdd:0"),
    (graphs.autoencoder, "outputs/BiasAdd:0"),
    (graphs.inference, "final_result:0"),
]


@pytest.mark.parametrize(("build", "output"), OUTPUTS)
def test_the_output_is_what_the_loss_reads(build: Any, output: str) -> None:
    assert find_output(lowered(built(build)), None, [], {}) == output


@pytest.mark.parametrize("flow", [1, 2])
def test_the_inside_of_a_conditional_is_no_output(flow: int) -> None:
    """Version 2 of control flow puts the averages' update into a function, whose tensors nobody can name."""
    whole = Graph.of((proto := built(graphs.averaging, flow)).node)
    graph = lowered(proto)
    shut = frozenset(graph.nodes.keys() - whole.nodes.keys())
    assert find_output(graph, None, [], {}, shut) == "outputs/BiasAdd:0"
    bare = Graph({name: node for name, node in graph.nodes.items() if "SoftmaxCrossEntropy" not in name})
    assert find_output(bare, None, [], {}, shut) == "outputs/BiasAdd:0"


def test_a_hint_decides() -> None:
    graph = lowered(built(graphs.twins))
    assert find_output(graph, None, [], {"logits": ("age/BiasAdd:0",), "losses": ("x",)}) == "age/BiasAdd:0"
    assert find_output(graph, None, ["name/BiasAdd:0"], {"logits": ("age/BiasAdd:0",)}) == "name/BiasAdd:0"


def weighted(operation: str, *variables: str) -> Piece:
    weights = tuple(Weight(f"{name}:0", (name,), (1,)) for name in variables)
    return Piece("Dense", (), (f"{operation}:0",), (operation,), weights=weights)


def test_names_are_the_variables_scopes_and_unique() -> None:
    pieces = [
        weighted("dnn/hidden1/MatMul", "hidden1/kernel", "hidden1/bias"),
        Piece("LeakyReLU", (), (), ("dnn/hidden1/Maximum",), leaf="leaky_relu"),
        weighted("both/MatMul", "both/w1", "both/b1"),
        weighted("both/MatMul_1", "both/w2", "both/b2"),
        weighted("logits/MatMul", "W", "b"),
        Piece("MaxPooling2D", (), (), ("dnn/pool/MaxPool",)),
        Piece("Add", (), (), ("dnn/add",)),
        Piece("Add", (), (), ("X",)),
    ]
    known = aliases([("dnn/hidden1/MatMul", "hidden1")])
    assert name_all(pieces, known, "X") == [
        "hidden1",
        "hidden1/leaky_relu",
        "both/w1",
        "both/w2",
        "logits",
        "dnn/pool",
        "dnn/add",
        "X_1",
    ]
    assert known == Aliases({"dnn/hidden1": "hidden1"})


def test_segments_never_close_a_loop() -> None:
    """`a` and `c` share a scope, but `b` lies between: together they would read what they make."""
    graph = chain(
        ("x", "Placeholder", ()),
        ("s/a", "Cumsum", ("x",)),
        ("b", "Relu", ("s/a",)),
        ("s/c", "Sub", ("s/a", "b")),
        ("s/d", "Neg", ("s/c",)),
    )
    view = View(graph, ("x:0",), ("s/d:0",), {}, {}, {}, lambda _: None)
    relu = Piece("Activation", ("s/a:0",), ("b:0",), ("b",))
    found = segments(view, ["s/a", "s/c", "s/d"], [relu], lambda name: name.rpartition("/")[0])
    assert [(piece.nodes, piece.inputs, piece.outputs) for piece in found] == [
        (("s/a",), ("x:0",), ("s/a:0",)),
        (("s/c", "s/d"), ("s/a:0", "b:0"), ("s/d:0",)),
    ]


def test_the_saver_says_where_a_variable_lies() -> None:
    def build() -> None:
        kernel = graphs.variable("kernel", (2,))
        tf1.train.Saver({"old/name": kernel})

    assert saved(Graph.of(built(build).node)) == {"kernel": Stored("old/name")}
    assert parse_slices("") is None
    assert parse_slices("8 6 4,4:-") == (slice(4, 8), slice(None))


def test_reasons_for_what_is_left_over() -> None:
    where = {"a": Stored("a"), "b": Stored("b")}
    names = ["a", "b", "a/Momentum", "global_step", "beta1_power", "other"]
    assert unmapped(names, where, ["a"]) == {
        "a/Momentum": "optimizer slot",
        "b": "not needed by the output",
        "beta1_power": "optimizer slot",
        "global_step": "step counter",
        "other": "not in the graph",
    }


def test_a_restore_that_does_more_is_not_run() -> None:
    def meta(build: Callable[[], Any]) -> Any:
        with tf.Graph().as_default():
            graphs.variable("w", (2,))
            build()
            return tf1.train.export_meta_graph(saver_def=tf1.train.Saver().as_saver_def())

    plain = meta(lambda: None)
    assert own_restore(plain, ["w"]) == "save/restore_all:0"
    assert own_restore(plain, []) is None
    writer = meta(lambda: tf.io.write_file("/tmp/written", "x", name="write"))
    next(node for node in writer.graph_def.node if node.name == "save/restore_all").input.append("^write")
    assert own_restore(writer, ["w"]) is None


@pytest.mark.parametrize("op", ["ReadFile", "WriteFile", "PyFunc", "PyFuncStateless", "RestoreV2", "DebugIdentity"])
@pytest.mark.parametrize("allowed", [PURE, RUNNABLE], ids=["layer", "original"])
def test_only_listed_operations_run(op: str, allowed: frozenset[str]) -> None:
    with pytest.raises(ZooError, match=f"cannot import the operation {op} "):
        check([Node("x", op)], allowed)


DAMAGE: list[tuple[Callable[[Any], Any], str]] = [
    (lambda node: node.input.pop(), r"node y \(MatMul\) reads 1 tensors, expected 2"),
    (lambda node: node.input.append("X"), r"node y \(MatMul\) reads 3 tensors, expected 2"),
    (lambda node: node.attr.pop("T"), r"node y \(MatMul\) lacks T"),
    (lambda node: setattr(node, "name", "X"), "2 nodes are named 'X'"),
    (lambda node: node.input.__setitem__(0, "gone:1"), "node y reads 'gone:1', which is not there"),
]


@pytest.mark.parametrize(("spoil", "said"), DAMAGE)
def test_a_damaged_graph_is_told(spoil: Callable[[Any], Any], said: str) -> None:
    graph = built(lambda: tf.matmul(graphs.image(3), tf.zeros((3, 2)), name="y"))
    spoil(next(node for node in graph.node if node.name == "y"))
    with pytest.raises(ZooError, match=f"the graph is damaged: {said}"):
        lowered(graph)
