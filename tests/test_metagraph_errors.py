"""What bad checkpoints get: one sentence, and the next thing to type."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf1_graphs as graphs

from registry.errors import ZooError
from transfer.importers import metagraph
from transfer.importers.metagraph import compare
from transfer.importers.metagraph.ends import Ends, Start

tf1 = tf.compat.v1


@pytest.fixture(scope="module")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graphs.save(graphs.textbook, tmp_path_factory.mktemp("textbook"))


def copied(prefix: Path, folder: Path) -> Path:
    for source in prefix.parent.glob(f"{prefix.name}.*"):
        (folder / source.name).write_bytes(source.read_bytes())
    return folder / prefix.name


def refused(path: Path, **options: Any) -> ZooError:
    with pytest.raises(ZooError) as caught:
        metagraph.read(path, **options)
    return caught.value


FILES = [("meta", "model.ckpt.meta"), ("index", "model.ckpt.index"), ("data", "model.ckpt.data-00000-of-00001")]


@pytest.mark.parametrize(("kind", "name"), FILES, ids=[kind for kind, _ in FILES])
def test_a_missing_file_is_named(textbook: Path, tmp_path: Path, kind: str, name: str) -> None:
    prefix = copied(textbook, tmp_path)
    (tmp_path / name).unlink()
    error = refused(prefix)
    assert f"is incomplete: missing {tmp_path / name}; found" in error.message
    assert error.hint.startswith("copy the .meta, .index and .data files of one step into the same folder")
    assert ("--into NAME" in error.hint) == (kind == "meta")


def test_a_missing_shard_is_named(textbook: Path, tmp_path: Path) -> None:
    prefix = copied(textbook, tmp_path)
    (tmp_path / "model.ckpt.data-00000-of-00001").rename(tmp_path / "model.ckpt.data-00001-of-00002")
    assert f"missing {prefix}.data-00000-of-00002" in refused(prefix).message


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no TensorFlow 1 checkpoint at" in refused(tmp_path / "model.ckpt").message
    assert "there is no TensorFlow 1 checkpoint at" in refused(tmp_path).message


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_a_truncated_file_is_named(textbook: Path, tmp_path: Path, ending: str, share: float) -> None:
    prefix = copied(textbook, tmp_path)
    path = Path(f"{prefix}{ending}")
    os.truncate(path, int(path.stat().st_size * share))
    error = refused(prefix)
    assert "cannot read" in error.message and str(prefix) in error.message
    assert "damaged or cut short" in error.hint


def text_form(meta: Any) -> bytes:
    return str(meta).encode()


def bare_graph(meta: Any) -> bytes:
    return bytes(meta.graph_def.SerializeToString())


METAS: list[tuple[Callable[[Any], bytes], str]] = [
    (lambda _: b"", "it has 0 bytes"),
    (lambda _: np.random.default_rng(0).bytes(4000), "it does not parse as a MetaGraphDef with nodes"),
    (lambda _: b"\x00" * 100, "it does not parse as a MetaGraphDef with nodes"),
    (lambda meta: meta.SerializeToString()[:-700], "it does not parse as a MetaGraphDef with nodes"),
    (text_form, "it is the text form of a graph"),
    (bare_graph, "it is a bare GraphDef"),
]


@pytest.mark.parametrize(("spoil", "said"), METAS, ids=["empty", "random", "zeros", "cut", "text", "graph"])
def test_a_meta_that_is_none(textbook: Path, tmp_path: Path, spoil: Callable[[Any], bytes], said: str) -> None:
    prefix = copied(textbook, tmp_path)
    path = Path(f"{prefix}.meta")
    path.write_bytes(spoil(tf1.MetaGraphDef.FromString(path.read_bytes())))
    error = refused(prefix)
    assert f"{path} is no meta-graph: {said}" in error.message
    assert "tf.train.Saver.save writes" in error.hint


def test_variables_that_are_absent_or_differ(textbook: Path, tmp_path: Path) -> None:
    def other() -> None:
        graphs.dense(graphs.dense(graphs.image(20), 8, "hidden9"), 5, "outputs")

    prefix = graphs.save(other, tmp_path)
    Path(f"{prefix}.meta").write_bytes(Path(f"{textbook}.meta").read_bytes())
    error = refused(prefix)
    assert "has no values for 10 of 12 variables that the graph needs: hidden1/kernel, hidden1/bias" in error.message
    assert "did you mean hidden9/kernel" in error.hint

    def wider() -> None:
        hidden = graphs.image(20)
        for number in range(1, 6):
            hidden = graphs.dense(hidden, 8 + (number == 5), f"hidden{number}")
        graphs.dense(hidden, 5, "outputs")

    prefix = graphs.save(wider, tmp_path)
    Path(f"{prefix}.meta").write_bytes(Path(f"{textbook}.meta").read_bytes())
    error = refused(prefix)
    assert "hidden5/kernel is [8, 8] in the graph and [8, 9] in the checkpoint" in error.message


NAMED = [
    (
        {"output": "dnn/output/BiasAdd"},
        "the graph has no tensor 'dnn/output/BiasAdd' for --output",
        "dnn/outputs/BiasAdd",
    ),
    (
        {"input": "nowhere:0"},
        "the graph has no tensor 'nowhere:0' for --input",
        "the placeholders are X (float32, [None, 20]), y (int64, [None]); "
        "any tensor with the batch as its first axis will do",
    ),
    (
        {"output": "zzz"},
        "the graph has no tensor 'zzz' for --output",
        "there are: dnn/hidden1/BiasAdd, dnn/hidden1/Elu, dnn/hidden1/MatMul, dnn/hidden2/BiasAdd",
    ),
    ({"output": "hidden1/kernel"}, "depends on no placeholder", "--input TENSOR"),
    ({"output": "loss/loss"}, "needs 2 inputs: X (float32, [None, 20]), y (int64, [None])", "--output TENSOR"),
    ({"input": "dnn/outputs/BiasAdd", "output": "dnn/hidden1/Elu"}, "does not depend on the input", "--input"),
    ({"output": "X"}, "the output is the input", "--output"),
]


@pytest.mark.parametrize(("asked", "said", "hint"), NAMED)
def test_names_that_do_not_fit(textbook: Path, asked: dict[str, str], said: str, hint: str) -> None:
    error = refused(textbook, **asked)
    assert said in error.message
    assert hint in error.hint


GRAPHS = [
    (
        graphs.twins,
        "cannot tell which tensor is the output; candidates: age/BiasAdd, name/BiasAdd",
        "--output age/BiasAdd",
    ),
    (
        graphs.two_inputs,
        "the placeholders are X (float32, [None, 5]), Z (float32, [None, 4]), y (int64, [None])",
        "--input",
    ),
    (graphs.whole_numbers, "the placeholders are X (uint8, [None, 6]), y (int64, [None])", "--input floats"),
    (
        graphs.looping,
        "cannot import the operation {}While (node while): it is part of a while loop",
        "--input outputs/",
    ),
    (graphs.conditional, "cannot import the operation Switch", "--input "),
    (graphs.reading, "cannot import the operation ReadFile (node steal): it reads or writes files", "--input "),
    (graphs.calling, "cannot import the operation PyFunc (node call): it runs Python code", "--input "),
    (graphs.random, "(node noise/RandomStandardNormal): it draws random numbers", "--output TENSOR"),
]


@pytest.mark.parametrize(("build", "said", "hint"), GRAPHS, ids=[case[0].__name__ for case in GRAPHS])
def test_graphs_that_cannot_be_imported(build: Any, said: str, hint: str, tmp_path: Path) -> None:
    error = refused(graphs.save(build, tmp_path, flow=2))
    assert said.format("Stateless") in error.message
    assert hint in error.hint


def test_two_heads_with_a_loss_each_are_both_offered(tmp_path: Path) -> None:
    error = refused(graphs.save(graphs.two_losses, tmp_path, flow=2, resource=True))
    assert error.message.endswith("which tensor is the output; candidates: outputs/BiasAdd, outputs1/BiasAdd")
    assert error.hint == "name it: --output outputs/BiasAdd"


def test_a_while_loop_of_2018(tmp_path: Path) -> None:
    assert "it is part of a while loop" in refused(graphs.save(graphs.looping, tmp_path, flow=1)).message


def test_inputs_that_are_no_float32_arrays(tmp_path: Path) -> None:
    prefix = graphs.save(graphs.whole_numbers, tmp_path)
    error = refused(prefix, output="outputs/BiasAdd")
    assert (
        "the input X (uint8, [None, 6]) cannot be imported: expected an array of float32, int32 or int64 of known"
        in error.message
    )
    assert "the input X (uint8" in refused(prefix, input="X", output="outputs/BiasAdd").message

    def unknown() -> None:
        x = tf1.placeholder(tf.float32, name="X")
        graphs.dense(tf.reshape(x, [-1, 4]), 2, "outputs")

    error = refused(graphs.save(unknown, tmp_path), output="outputs/BiasAdd")
    assert "X (float32, unknown rank)" in error.message


def test_a_model_that_differs_is_refused(textbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original runs with its own Saver's values, so numbers that went to the wrong layer show."""
    from transfer.importers.metagraph import reader

    right = reader.values

    def swapped(*given: Any) -> dict[str, Any]:
        found = right(*given)
        found["hidden2/kernel:0"], found["hidden3/kernel:0"] = found["hidden3/kernel:0"], found["hidden2/kernel:0"]
        return found

    monkeypatch.setattr(reader, "values", swapped)
    error = refused(textbook)
    assert "the imported model differs from the original graph at dnn/outputs/BiasAdd:0" in error.message
    assert "at most 0.0001 relative is accepted" in error.message


def test_an_output_that_is_not_finite(tmp_path: Path) -> None:
    def endless() -> None:
        tf.math.log(-tf.exp(graphs.dense(graphs.image(4), 2, "outputs")), name="log")

    error = refused(graphs.save(endless, tmp_path), output="log")
    assert "the outputs of the original graph at log:0 are not finite on random inputs" in error.message


def test_random_inputs_are_the_seed_s() -> None:
    starts = (Start("X:0", (None, 3), 1, "X"), Start("ids:0", (None, 4), 3, "ids"))
    original = compare.Original(None, None, Ends(starts, (), None), None, None, {}, rows=5)
    first, again, other = (compare.inputs(original, [(2, 3), (2, 4)], seed) for seed in (0, 0, 1))
    assert all(
        np.array_equal(a, b) for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True)
    )
    assert not np.array_equal(first[0][0], other[0][0])
    assert all(x.dtype == np.float32 and x.shape == (2, 3) for x, _ in first)
    assert all(ids.dtype == np.int32 and ids.shape == (2, 4) and 0 <= ids.min() <= ids.max() < 5 for _, ids in first)
