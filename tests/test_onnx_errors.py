"""What broken, hostile and unsupported ONNX files get: one line, no traceback."""

from __future__ import annotations

import random as chance
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_models import graph, model, node, random, residual, saved

from registry.errors import ZooError
from transfer.importers.onnx import read

IMAGE = ("n", 4, 9, 8)
ONE = {"x": ["n", 4]}


def refused(path: Path, **options: Any) -> ZooError:
    begun = time.monotonic()
    with pytest.raises(ZooError) as caught:
        read(path, **options)
    assert time.monotonic() - begun < 10
    return caught.value


@pytest.mark.parametrize(
    ("op", "shape", "weights", "attributes", "opset", "reason"),
    [
        ("LpPool", IMAGE, [], {"kernel_shape": [2, 2]}, 17, "cannot import these operators: LpPool (node op)"),
        ("NonZero", IMAGE, [], {}, 17, "cannot import these operators: NonZero (node op)"),
        (
            "ConvTranspose",
            IMAGE,
            [random(4, 3, 2, 2)],
            {"group": 2},
            17,
            "it has several groups, which no Keras layer has",
        ),
        (
            "MaxPool",
            IMAGE,
            [],
            {"kernel_shape": [2, 2], "dilations": [2, 2]},
            17,
            "its dilations are [2, 2]; Keras's pooling has none",
        ),
        ("Selu", IMAGE, [], {"alpha": 2.0}, 17, "alpha and gamma are 2 and 1.0507; Keras has 1.67326 and 1.0507"),
        (
            "Gemm",
            ("n", 4),
            [random(4, 3)],
            {"transA": 1},
            17,
            "it turns its input (transA), which moves the axis of the samples",
        ),
        ("Softmax", ("n", 4), [], {"axis": 0}, 17, "it runs over the samples"),
        ("Concat", ("n", 4), [random(1, 4)], {"axis": 0}, 17, "its input 1 is a constant"),
        ("ReduceSum", ("n", 4), [np.int64([0])], {}, 17, "it reduces over the samples"),
        (
            "Reshape",
            ("n", 4),
            [np.int64([-1, 2])],
            {},
            17,
            "it makes [-1, 2] of [None, 4], which mixes samples or has two open sizes",
        ),
        ("Flatten", IMAGE, [], {"axis": 2}, 17, "its axis is 2; expected 1, so that samples stay apart"),
        (
            "Resize",
            IMAGE,
            [np.float32([]), np.float32([1, 1, 2, 2])],
            {"mode": "cubic"},
            17,
            "its mode cubic with half_pixel",
        ),
        (
            "Resize",
            IMAGE,
            [np.float32([]), np.float32([1, 1, 2, 2])],
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            17,
            "its mode linear with align_corners",
        ),
        (
            "Pad",
            IMAGE,
            [np.int64([0, 0, 1, 1, 0, 0, 1, 1])],
            {"mode": "edge"},
            17,
            "its mode is edge; Keras has constant and reflect",
        ),
        ("Pad", IMAGE, [np.int64([1, 0, 0, 0, 0, 0, 0, 0])], {}, 17, "it adds samples"),
        (
            "LSTM",
            (3, "n", 4),
            [random(1, 16, 4), random(1, 16, 4)],
            {"hidden_size": 4, "clip": 1.0},
            17,
            "it clips its gates",
        ),
        (
            "LSTM",
            (3, "n", 4),
            [random(1, 16, 4), random(1, 16, 4)],
            {"hidden_size": 4, "activations": ["Affine", "Tanh", "Tanh"]},
            17,
            "its activations are ['affine', 'tanh', 'tanh']",
        ),
        ("BatchNormalization", IMAGE, [random(4)] * 4, {"training_mode": 1}, 15, "it is in training mode"),
        ("Conv", IMAGE, [random(6, 3, 3, 3)], {}, 17, "its kernel [6, 3, 3, 3] with 1 groups does not fit 4 channels"),
        ("Conv", IMAGE, [random(6, 4, 3, 3)], {"strides": [1, -1]}, 17, "or dilations [1, 1] make no sense"),
        ("Conv", IMAGE, [random(6, 4, 3, 3)], {"pads": [1, 1]}, 17, "its pads are [1, 1]; expected 4 numbers"),
        ("Conv", IMAGE, [random(6, 4, 30, 3)], {}, 17, "does not fit its input"),
        ("Cast", IMAGE, [], {"to": 8}, 17, "it casts to the type number 8"),
        ("Gather", IMAGE, [np.int64(9)], {"axis": 1}, 17, "out-of-bounds index"),
        ("Add", ("n", 4), [random(3)], {}, 17, "does not fit its input"),
        ("LayerNormalization", ("n", 4), [random(3)], {}, 17, "its input 1 has the shape [3]; expected [4]"),
        ("GroupNormalization", IMAGE, [random(4), random(4)], {"num_groups": 3}, 21, "it makes 3 groups of 4 channels"),
    ],
)
def test_operators_that_have_no_counterpart(
    op: str, shape: Any, weights: list[Any], attributes: dict[str, Any], opset: int, reason: str, tmp_path: Path
) -> None:
    names = [f"w{number}" for number in range(len(weights))]
    made = node(op, " ".join(["x", *names]), "y", "op", **attributes)
    path = saved(tmp_path, [made], {"x": shape}, weights=dict(zip(names, weights, strict=True)), opset=opset)
    error = refused(path)
    assert reason in error.message and "(node op)" in error.message
    assert error.hint == "name an input behind it or an output before it: --input TENSOR, --output TENSOR"


def test_all_operators_that_are_not_supported_are_named_at_once(tmp_path: Path) -> None:
    inner = {"body": graph([node("Relu", "i", "o")], {"i": ["n"]}, ["o"])}
    nodes = [
        node("Loop", "t c x", "a", "loop", **inner),
        node("NonZero", "a", "b", "first"),
        node("NonZero", "b", "c2", "second"),
        onnx.helper.make_node("Magic", ["c2"], ["y"], name="own", domain="com.example"),
    ]
    path = saved(tmp_path, nodes, ONE, weights={"t": np.int64(3), "c": np.bool_(True)})
    assert refused(path).message == (
        "cannot import these operators: Loop (node loop), NonZero (2 nodes, the first is first), "
        "com.example::Magic (node own)"
    )


def _graph(nodes: list[Any], **rest: Any) -> Callable[[Path], Path]:
    return lambda folder: saved(folder, nodes, rest.pop("inputs", ONE), **rest)


def _damaged(change: Callable[[Any], None], nodes: list[Any] | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        found = model(nodes or [node("MatMul", "x w", "y")], ONE, weights={"w": random(4, 2)})
        change(found)
        (folder / "m.onnx").write_bytes(found.SerializeToString())
        return folder / "m.onnx"

    return make


def _bytes(data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "m.onnx").write_bytes(data)
        return folder / "m.onnx"

    return make


def _external(location: str, offset: str = "0", length: str = "32") -> Callable[[Path], Path]:
    def change(found: Any) -> None:
        tensor = found.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=value)

    def make(folder: Path) -> Path:
        (folder / "w.bin").write_bytes(bytes(40))
        return _damaged(change)(folder)

    return make


def _unread(folder: Path) -> Path:
    """An initializer that nothing reads, outside: ONNX Runtime would open it."""

    def change(found: Any) -> None:
        tensor = found.graph.initializer.add(name="unread", data_type=1, dims=[8], data_location=1)
        for key, value in (("location", "../w.bin"), ("offset", "0"), ("length", "32")):
            tensor.external_data.add(key=key, value=value)

    return _damaged(change)(folder)


def _unread_constant(folder: Path) -> Path:
    def change(found: Any) -> None:
        inner = found.graph.node.add(op_type="If", input=["x"], output=["z"]).attribute.add(name="then_branch", type=5)
        attribute = inner.g.node.add(op_type="Constant", output=["c"]).attribute.add(name="value", type=4)
        attribute.t.data_type, attribute.t.data_location, attribute.t.name = 1, 1, "c"
        attribute.t.external_data.add(key="location", value="../w.bin")

    return _damaged(change)(folder)


def _dims(*sizes: int) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        del found.graph.initializer[0].dims[:]
        found.graph.initializer[0].dims.extend(sizes)

    return change


def _nested(found: Any) -> None:
    inner = found.graph
    for _ in range(60):
        made = inner.node.add(op_type="If", input=["x"], output=["y"])
        attribute = made.attribute.add(name="then_branch", type=5)
        inner = attribute.g
    inner.node.add(op_type="Relu", input=["x"], output=["y"])


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty": (_bytes(b""), "is no ONNX model: expected a graph with nodes and outputs, got none"),
    "text": (_bytes(b"import torch\n" * 50), "is no ONNX model: expected a ModelProto"),
    "hdf5": (_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500)), "is no ONNX model"),
    "zip": (_bytes(b"PK\x03\x04" + bytes(500)), "is no ONNX model"),
    "truncated": (_bytes(model(**residual()).SerializeToString()[:3000]), "is no ONNX model"),
    "no weights": (_damaged(lambda m: m.graph.ClearField("initializer")), "the tensor w is neither an input, a weight"),
    "old": (_graph([node("Relu", "x", "y")], opset=6), "uses operator set 6; expected 7 to 22"),
    "new": (_damaged(lambda m: m.opset_import[0].__setattr__("version", 99)), "uses operator set 99"),
    "cycle": (
        _graph([node("Add", "x b", "a", "one"), node("Relu", "a", "b", "two"), node("Relu", "b", "y")]),
        "the graph has a cycle through the node",
    ),
    "itself": (_graph([node("Add", "x y", "y", "one")]), "the graph has a cycle through the node one (Add)"),
    "nested": (_damaged(_nested), "is no ONNX model: expected a ModelProto, got other or truncated bytes"),
    "absurd size": (_damaged(_dims(1 << 40, 1 << 40)), "needs 4835703278458516698824704 bytes, got 32"),
    "negative size": (_damaged(_dims(-4, -2)), "is damaged: its shape is [-4, -2]"),
    "many sizes": (_damaged(_dims(*[1] * 99)), "is damaged: its shape is [1, 1,"),
    "text as weight": (
        _damaged(lambda m: m.graph.initializer[0].__setattr__("data_type", 8)),
        "has the type string, which no Keras weight has",
    ),
    "text as input": (
        _graph([node("Relu", "x", "y")], kinds={"x": "s"}),
        "the input x has the type number 8 (8 is text)",
    ),
    "outside": (_external("../w.bin"), "lies outside the model's folder: '../w.bin'"),
    "absolute": (_external("/etc/passwd"), "lies outside the model's folder: '/etc/passwd'"),
    "outside and unread": (_unread, "the tensor unread of"),
    "outside in a branch": (_unread_constant, "lies outside the model's folder: '../w.bin'"),
    "nowhere": (_external("none.bin"), "lies in none.bin, which is not there"),
    "beyond": (_external("w.bin", "16"), "ends at byte 48 of w.bin, which has 40"),
    "long": (_external("w.bin", length="9999999999"), "needs 32 bytes, got 9999999999"),
    "no number": (_external("w.bin", "x1"), "expected a number of bytes, got 'x1'"),
    "huge constant": (
        _graph(
            [node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")], weights={"s": np.int64([1 << 30, 1 << 10])}
        ),
        "is too large: expected at most 33554432 numbers",
    ),
    "huge tile": (
        _graph([node("Tile", "c t", "d"), node("Add", "x d", "y")], weights={"c": random(4), "t": np.int64([1 << 40])}),
        "is too large",
    ),
    "huge padding": (
        _graph(
            [node("Pad", "x p", "y")], inputs={"x": IMAGE}, weights={"p": np.int64([0, 0, 30000, 30000, 0, 0, 9999, 0])}
        ),
        "it makes more than 67,108,864 numbers a sample",
    ),
    "huge upsampling": (
        _graph([node("Expand", "x s", "y")], inputs={"x": ["n", 1]}, weights={"s": np.int64([1, 1 << 31])}),
        "it makes more than 67,108,864 numbers a sample",
    ),
    "many doublings": (
        _graph(
            [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(40)] + [node("Add", "x c40", "y")],
            weights={"c0": random(4)},
        ),
        "is too large",
    ),
    "many nodes": (
        _graph(
            [node("Relu", "x" if i == 0 else f"a{i}", f"a{i + 1}") for i in range(6000)] + [node("Relu", "a6000", "y")]
        ),
        "the graph has 6001 operations: too many for one Keras model; at most 5000",
    ),
    "constant output": (
        _graph([node("Identity", "w", "y")], weights={"w": random(4)}),
        "the output y depends on no input",
    ),
    "no shape": (_graph([node("Relu", "x", "y")], inputs={"x": None}), "the input x of"),
    "wrong attribute": (_graph([node("Elu", "x", "y", "op", alpha="steep")]), "its attribute alpha is of another kind"),
    "axes": (_graph([node("Transpose", "x", "y", "op", perm=[0, 7])]), "its perm is [0, 7], its input has 2 axes"),
    "too few inputs": (_graph([node("Conv", "x", "y", "op")], inputs={"x": IMAGE}), "its input 1 is missing"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    make, message = HOSTILE[name]
    (tmp_path / "inner").mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(40))
    assert message in refused(make(tmp_path / "inner")).message


X, WHOLE = {"x": ["n", 4]}, {"x": "i"}
ROUNDED = {
    "division": (
        [node("Div", "x c", "d", "op"), node("Cast", "d", "y", to=1)], np.int32([3]), WHOLE,
        "Div (node op): it divides whole numbers and rounds towards zero",
    ),
    "division of two": (
        [node("Add", "x c", "d"), node("Div", "x d", "e", "op"), node("Cast", "e", "y", to=1)], np.int32([3]), WHOLE,
        "Div (node op): it divides whole numbers",
    ),
    "remainder": ([node("Mod", "x c", "y", "op", fmod=1)], np.float32([1.5]), {}, "Mod (node op): its fmod is 1"),
    "mean": (
        [node("Add", "x c", "d"), node("ReduceMean", "d", "e", "op", axes=[1]), node("Cast", "e", "y", to=1)],
        np.int32([3]), WHOLE, "ReduceMean (node op): it makes whole numbers of whole numbers by rounding",
    ),
    "power": (
        [node("Pow", "x c", "d", "op"), node("Cast", "d", "y", to=1)], np.float32([0.5]), WHOLE,
        "Pow (node op): it raises whole numbers to powers that are none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROUNDED)
def test_whole_numbers_that_keras_rounds_otherwise(name: str, tmp_path: Path) -> None:
    nodes, held, kinds, message = ROUNDED[name]
    path = saved(tmp_path, nodes, X, ["y"], {"c": held}, kinds)
    for compare in (True, False):
        assert message in refused(path, compare=compare).message


def test_constants_are_divided_as_onnx_divides_them() -> None:
    from transfer.importers.onnx.fold import FOLDS

    one, other = np.int64([7, -7, 7, -7, 3 * 2**60 + 1]), np.int64([3, 3, -3, -3, 3])
    assert FOLDS["Div"]([one, other], {}).tolist() == [2, -2, -2, 2, 2**60]
    assert FOLDS["Mod"]([one[:4], other[:4]], {}).tolist() == [1, 2, -2, -1]
    assert FOLDS["Mod"]([one[:4], other[:4]], {"fmod": 1}).tolist() == [1, -1, 1, -1]
    assert FOLDS["Div"]([np.uint8([250]), np.uint8([3])], {}).tolist() == [83]


def test_a_runtime_that_crashes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer.importers.onnx import session

    pytest.importorskip("onnxruntime")
    (tmp_path / "crash.py").write_text("import os\ndef run(*_): os.abort()")
    (tmp_path / "late.py").write_text("import os, signal\ndef run(*_): os.kill(os.getpid(), signal.SIGKILL)")
    path = saved(tmp_path, **residual())
    monkeypatch.setattr(session, "__file__", str(tmp_path / "crash.py"))
    error = refused(path)
    assert error.message == f"ONNX Runtime crashes when it runs {path}: it ends unexpectedly (SIGABRT)"
    assert error.hint == "download or export the file again, or name a lower output: --output TENSOR"
    monkeypatch.setattr(session, "__file__", str(tmp_path / "late.py"))
    found = read(path)
    assert found.max_rel_difference is None
    assert "not compared in ONNX Runtime: it was killed; memory may be short" in found.notes


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "m.onnx").message == f"there is no file {tmp_path / 'm.onnx'}"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret").write_bytes(bytes(40))
    path = _external("link.bin")(tmp_path / "inner")
    (tmp_path / "inner" / "link.bin").symlink_to(tmp_path / "secret")
    assert "lies outside the model's folder" in refused(path).message


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"output": "logit"}, "the graph has no tensor logit", "did you mean logits?"),
        ({"input": "stem.weight"}, "the graph has no tensor stem.weight", ""),
        (
            {"input": "x=?x3x16"},
            "the input x has the shape ['n', 3, 16, 16]; got [None, 3, 16]",
            "sizes may be given where the file leaves them open: --input 'x=?x3x16x16'",
        ),
        (
            {"input": "x=?x3x16x17"},
            "the input x has the shape ['n', 3, 16, 16]; got [None, 3, 16, 17]",
            "sizes may be given where the file leaves them open: --input 'x=?x3x16x16'",
        ),
    ],
)
def test_ends_that_are_not_there(options: dict[str, str], message: str, hint: str, tmp_path: Path) -> None:
    error = refused(saved(tmp_path, **residual()), **options)
    assert error.message == message and hint in error.hint


def test_flipped_bits_end_in_one_line_or_in_a_model_that_agrees(tmp_path: Path) -> None:
    """300 files with one to four wrong bytes; a flip in a weight gives another model, whose numbers agree as well."""
    data = model(**residual()).SerializeToString()
    draws, refusals, path = chance.Random(7), 0, tmp_path / "m.onnx"
    settings = [place for place in range(len(data)) if place < 40 or data[place] < 128]
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(draws.randint(1, 4)):
            damaged[draws.choice(settings)] ^= 1 << draws.randrange(8)
        path.write_bytes(damaged)
        begun = time.monotonic()
        try:
            read(path, compare=False)
        except ZooError as error:
            refusals += 1
            assert error.message and "\n" not in error.message
        assert time.monotonic() - begun < 10
    assert refusals > 50


@pytest.mark.parametrize("part", range(1, 10))
def test_files_cut_short(part: int, tmp_path: Path) -> None:
    data = model(**residual()).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data[: len(data) * part // 10])
    assert "is no ONNX model" in refused(tmp_path / "m.onnx").message
