"""SavedModels that are broken, hostile, or hold what no model for transfer learning can: one line each."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import savedmodels as makers
import tensorflow as tf
import tf1_graphs as graphs
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from registry.errors import ZooError
from transfer.importers import savedmodel

tf1 = tf.compat.v1


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dense")
    makers.keras2(makers.dense, folder)
    return folder


@pytest.fixture
def copied(dense: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dense, tmp_path / "m"))


def refused(path: Path, **options: Any) -> ZooError:
    with pytest.raises(ZooError) as caught:
        savedmodel.read(path, **options)
    return caught.value


def changed(folder: Path, change: Callable[[Any], Any]) -> Path:
    """Change a SavedModel's message in place."""
    file = folder / "saved_model.pb"
    message = SavedModel.FromString(file.read_bytes())
    change(message)
    file.write_bytes(message.SerializeToString())
    return folder


def test_nothing_there(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert f"there is no SavedModel at {tmp_path}: expected {tmp_path / 'saved_model.pb'}" in error.message
    assert "variables/" in error.hint


BROKEN = [
    (lambda data: b"", "is no SavedModel: it has 0 bytes"),
    (lambda data: data[: len(data) // 2], "is no SavedModel: it does not parse as one"),
    (lambda data: b"PK\x03\x04" + data, "is no SavedModel: it does not parse as one"),
    (lambda data: b"\x08\x01", "is no SavedModel: it does not parse as one, or holds no graph"),
    (lambda data: b"\x12\x00", "is no SavedModel: its graph holds no operations"),
]


@pytest.mark.parametrize(("spoil", "said"), BROKEN, ids=["empty", "half", "zip", "no-graph", "no-nodes"])
def test_a_file_that_is_none(copied: Path, spoil: Callable[[bytes], bytes], said: str) -> None:
    file = copied / "saved_model.pb"
    file.write_bytes(spoil(file.read_bytes()))
    assert f"{file} {said}" in refused(copied).message


def test_the_text_form(copied: Path) -> None:
    (copied / "saved_model.pb").rename(copied / "saved_model.pbtxt")
    assert "is the text form of a SavedModel: expected saved_model.pb" in refused(copied).message


def test_missing_weights_are_named(copied: Path) -> None:
    index, data = (copied / "variables" / f"variables.{part}" for part in ("index", "data-00000-of-00001"))
    kept = data.read_bytes()
    data.unlink()
    error = refused(copied)
    assert f"the SavedModel {copied} is incomplete: missing {data}; found variables.index" in error.message
    data.write_bytes(kept[: len(kept) // 2])
    assert "from " in refused(copied).message and "cannot read" in refused(copied).message
    data.write_bytes(kept)
    index.write_bytes(index.read_bytes()[:40])
    assert f"cannot read {copied / 'variables' / 'variables'}.index" in refused(copied).message
    shutil.rmtree(copied / "variables")
    error = refused(copied)
    assert "has no values for 6 of 6 variables that the graph needs" in error.message


def test_a_signature_that_is_not_there(copied: Path) -> None:
    error = refused(copied, signature="serving_defualt")
    assert f"{copied} has no signature 'serving_defualt'; it has serving_default" in error.message
    assert "serving_default" in error.hint


def several(message: Any) -> None:
    held = message.meta_graphs[0].signature_def
    for name in ("embed", "score"):
        held[name].CopyFrom(held["serving_default"])
    del held["serving_default"]


def lost(message: Any) -> None:
    held = message.meta_graphs[0].signature_def["serving_default"]
    next(iter(held.outputs.values())).name = "gone:0"


def trained(message: Any) -> None:
    message.meta_graphs[0].meta_info_def.tags[:] = ["train"]


def without(message: Any) -> None:
    del message.meta_graphs[0].graph_def.library.function[:]


def looped(message: Any) -> None:
    """Make every function call the one that calls it."""
    library = message.meta_graphs[0].graph_def.library.function
    for function in library:
        for node in function.node_def:
            if node.op == "StatefulPartitionedCall":
                node.attr["f"].func.name = function.signature.name


def huge(message: Any) -> None:
    for node in message.meta_graphs[0].graph_def.node:
        if node.op == "VarHandleOp":
            node.attr["shape"].shape.dim[0].size = 1 << 40


CHANGES = [
    (several, "has 2 signatures and none is serving_default: embed, score"),
    (lost, "names for outputs 'gone:0': expected a tensor of the graph"),
    (trained, "has no graph for inference; its graphs are tagged: train"),
    (without, "the graph calls the function"),
    (looped, "the graph"),
    (huge, "disagree on shapes"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_a_graph_that_does_not_hold_together(copied: Path, change: Callable[[Any], None], said: str) -> None:
    assert said in refused(changed(copied, change)).message


def test_names_that_do_not_fit(copied: Path) -> None:
    assert "the graph has no tensor 'net/hidden/Relu' for --input" in refused(copied, input="net/hidden/Relu").message
    error = refused(copied, input="net/hidden2/Elu", output="net/hidden1/Relu")
    assert "needs more inputs: serving_default_input" in error.message


class Text(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.ones((4, 2)), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(self, text: Any) -> Any:
        held = tf.strings.to_number(tf.strings.split(tf.reshape(text, [-1, 1])[:, 0]).to_tensor(shape=[None, 4]))
        return tf.matmul(tf.identity(held, name="numbers"), self.kernel)


def test_text_is_refused_and_the_numbers_behind_it_are_named(tmp_path: Path) -> None:
    tf.saved_model.save(Text(), str(tmp_path))
    error = refused(tmp_path)
    assert (
        "the signature serving_default takes text (serving_default_text): a model to learn from starts" in error.message
    )
    start = error.hint.partition("--input ")[2]
    found = savedmodel.read(tmp_path, input=start)
    assert [(layer.type, layer.parameters) for layer in found.layers] == [("Dense", 8)]
    assert found.max_rel_difference is not None


class Flow(tf.Module):
    """A dense layer, then control flow that depends on the data."""

    def __init__(self, turn: Callable[[Any], Any]) -> None:
        super().__init__()
        self.kernel, self.turn = tf.Variable(tf.random.stateless_normal((4, 4), (1, 2)), name="kernel"), turn

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])
    def serve(self, x: Any) -> Any:
        y = tf.reshape(self.turn(tf.matmul(x, self.kernel)), [-1, 4])
        return tf.matmul(tf.nn.relu(y, name="after"), self.kernel)


def loop(x: Any) -> Any:
    return tf.while_loop(lambda y: tf.reduce_sum(y) < 100.0, lambda y: (tf.abs(y) * 2.0 + 1.0,), (x,))[0]


def condition(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.sin(x), lambda: tf.cos(x))


def case(x: Any) -> Any:
    return tf.switch_case(tf.cast(tf.reduce_sum(x), tf.int32) % 2, [lambda: tf.sin(x), lambda: tf.cos(x)])


def mapped(x: Any) -> Any:
    return tf.map_fn(lambda row: row * tf.reduce_sum(row), x)


def python(x: Any) -> Any:
    return tf.py_function(lambda a: a * 2, [x], tf.float32)


def old_python(x: Any) -> Any:
    return tf.numpy_function(lambda a: a * 2, [x], tf.float32)


def file(x: Any) -> Any:
    return x + tf.strings.to_number(tf.io.read_file("/etc/hostname"))


def table(x: Any) -> Any:
    made = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [2.0]), 0.0)
    return x + made.lookup(tf.cast(tf.shape(x)[:1], tf.int32))


def drawn(x: Any) -> Any:
    return x + tf.random.normal(tf.shape(x))


FLOWS = [
    (loop, r"While (node while): it is part of a while loop"),
    (condition, "Switch (node cond/"),
    (case, "Case (node "),
    (mapped, "TensorListReserve (node map/TensorArrayV2_1): it holds the tensors of a loop"),
    (python, "PyFunc (node "),
    (old_python, "PyFunc"),
    (file, "ReadFile (node ReadFile): it reads or writes files"),
    (drawn, "it draws random numbers"),
]


@pytest.mark.parametrize(("turn", "said"), FLOWS, ids=[turn.__name__ for turn, _ in FLOWS])
def test_what_cannot_be_folded_is_refused_by_name(turn: Any, said: str, tmp_path: Path) -> None:
    """And what is named instead can be imported."""
    tf.saved_model.save(Flow(turn), str(tmp_path))
    error = refused(tmp_path)
    assert "cannot import the operation" in error.message and said in error.message
    start = error.hint.partition("--input ")[2].partition(";")[0]
    found = savedmodel.read(tmp_path, input=start)
    assert found.layers[-1].type == "Dense" and found.max_rel_difference is not None


class Looked(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.ones((4, 2)), name="kernel")
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1, 2], [2.0, 3.0]), 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int32, "ids")])
    def serve(self, ids: Any) -> Any:
        return tf.matmul(tf.ensure_shape(self.table.lookup(ids), [None, 4]), self.kernel)


def test_tables_of_words_are_refused(tmp_path: Path) -> None:
    tf.saved_model.save(Looked(), str(tmp_path))
    assert "HashTableV2 (node hash_table): it looks up a table" in refused(tmp_path).message


@pytest.mark.parametrize("seed", range(25))
def test_any_damage_is_one_error_or_harmless(copied: Path, seed: int) -> None:
    file, draws = copied / "saved_model.pb", random.Random(seed)
    data = bytearray(file.read_bytes())
    if seed % 5 == 0:
        data = data[: draws.randrange(len(data))]
    else:
        for _ in range(1 + seed % 3):
            data[draws.randrange(len(data))] ^= 1 << draws.randrange(8)
    file.write_bytes(data)
    try:
        savedmodel.read(copied)
    except ZooError as error:
        assert error.message and "\n" not in error.message


def test_a_graph_of_tensorflow_1_with_a_loop(tmp_path: Path) -> None:
    for build in (graphs.looping, graphs.conditional):
        name = "outputs/BiasAdd:0"
        folder = makers.simple(build, tmp_path / build.__name__, ["X:0"], [name])
        error = refused(folder)
        assert "it is part of a while loop" in error.message or "its condition depends on the data" in error.message
        assert "--input " in error.hint
