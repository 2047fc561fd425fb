"""What a hostile ONNX, TFLite or Caffe file tries: data outside its folder, loops, code, sizes that are lies."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostile_case import Case, changing
from hostile_seeds import caffe_net

Spoil = Callable[[Path], Path | None]
LITE = r"m\.tflite is no TensorFlow Lite file, or a damaged one: "


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _onnx()
    yield from _tflite()
    yield from _prototxts()
    yield from _caffemodels()


def _onnx() -> Iterator[Case]:
    outside = r"the data of the tensor w of .*m\.onnx lies outside|lies outside the model's folder: "
    for wrong, spoil, message in (
        ("data outside its folder", _external("../secret"), rf"{outside}'\.\./secret'"),
        ("data from the root", _external("/etc/passwd"), rf"{outside}'/etc/passwd'"),
        ("data behind a link", _linked, r"lies outside the model's folder: 'link\.bin'"),
        ("data beyond a file's end", _external("w.bin", offset="1000"), r"ends at byte \d+ of w\.bin, which has 48"),
        ("a weight of 4 TB", _dims(1 << 20, 1 << 20), r"needs 4398046511104 bytes, got \d+"),
        ("a negative size", _dims(-4, -3), r"is damaged: its shape is \[-4, -3\]"),
        ("60 axes", _dims(*[1] * 60), r"is damaged: its shape is \[1, 1"),
        (
            "a graph in a graph, 200 deep",
            _nested,
            r"m\.onnx is no ONNX model: expected a ModelProto, got other or trun",
        ),
        ("a loop", _operator("Loop"), r"cannot import these operators: Loop \(node /fc1/Gemm\)"),
        ("an operator of one's own", _operator("Evil", "com.evil"), r"these operators: com\.evil::Evil \(node /fc1/G"),
        ("a circle", _circle, r"the graph has a cycle through the node"),
        ("operator set 99", _opset(99), r"uses operator set 99; expected 7 to 22"),
        ("a constant of 4 TB that is computed", _computed, r"is too large: expected at most 33554432 numbers"),
        ("no weights", _edited(lambda model: model.graph.ClearField("initializer")), r"is neither an input, a weight"),
    ):
        yield Case("onnx", wrong, spoil, message)


def _tflite() -> Iterator[Case]:
    name = "m.tflite"
    for wrong, change, message in (
        ("another identifier", lambda data: data[:4] + b"TFL9" + data[8:], LITE + r"it has no identifier TFL3"),
        (
            "a root beyond its end",
            lambda data: struct.pack("<I", 1 << 31) + data[4:],
            LITE + r"an offset leads to byte",
        ),
        ("a root of nothing", lambda data: b"\x08\0\0\0TFL3" + bytes(64), LITE + r"it has version 0|an offset leads"),
        ("tables full of ones", lambda data: data[:8] + b"\xff" * (len(data) - 8), LITE + r"an offset leads to byte"),
        ("tables in tables", lambda data: data[:8] + b"\x04\0\0\0" * 4000, LITE),
        ("a last byte cut off", lambda data: data[: len(data) * 9 // 10], LITE),
    ):
        yield Case("tflite", wrong, changing(name, change), message)


def _prototxts() -> Iterator[Case]:
    from caffe_models import layer

    def text(content: str) -> Spoil:
        return changing("net.prototxt", lambda _: content.encode())

    net = caffe_net()
    python = 'python_param { module: "os" layer: "system" }'
    for wrong, spoil, message in (
        ("layers in layers, 5,000 deep", text("layer { a " + "{ b " * 5000), r"net\.prototxt.* is nested 5,001 deep"),
        ("a line of 100,000 characters", text("a: 1 " * 20000), r"net\.prototxt.* has a line of 100,000 characters"),
        ("a Python layer", text(net + layer("py", "Python", "outputs", body=python)), r"would run the code os\.system"),
        ("a layer of one's own", text(net + layer("e", "Evil", "outputs")), r"of the type 'Evil', which cannot be im"),
        (
            "4 billion outputs",
            text(net.replace("num_output: 3", "num_output: 4000000000")),
            r"net expects \[4000000000",
        ),
        (
            "an input of 4 TB",
            text(net.replace("dim: 4", "dim: 1099511627776")),
            r"expected at most 268,435,456 numbers",
        ),
        ("a negative input", text(net.replace("dim: 4", "dim: -4")), r"the input data has the shape \[1, -4\]"),
        (
            "a circle",
            text(net.replace('bottom: "data"', 'bottom: "outputs"')),
            r"reads the blob 'outputs', which no la",
        ),
        ("2,000 layers", text(net + layer("r", "ReLU", "outputs", "outputs") * 2000), r"has 2,0\d\d layers"),
        ("no caffemodel", _alone, r"has no \.caffemodel; expected one"),
    ):
        yield Case("caffe", wrong, spoil, message)


def _caffemodels() -> Iterator[Case]:
    for wrong, content, message in (
        (
            "a blob of 4 TB",
            lambda: _blob(shape={"dim": [1 << 20, 1 << 20]}, data=[1.0]),
            r"the blob \w+/0 holds 1 numb",
        ),
        ("a negative size", lambda: _blob(shape={"dim": [-1, -1]}, data=[1.0]), r"the impossible shape \[-1, -1\]"),
        (
            "a field of 4 EB",
            lambda: _field(1 << 62),
            r"or is damaged: the field at byte 0 does not fit into its messag",
        ),
        ("a number without end", lambda: b"\xff" * 40, r"caffemodel, or is damaged: .*does not end"),
        ("600,000 fields", lambda: b"\x08\x00" * 600_000, r"has more than 500,000 fields"),
        ("groups in groups", lambda: b"\x0b" * 100_000, r"has the wire type 3"),
    ):
        for seed, name in (("caffe", "net.caffemodel"), ("caffe-weights", "m.caffemodel")):
            yield Case(seed, wrong, changing(name, lambda _, content=content: content()), message)


def _edited(change: Callable[[Any], Any]) -> Spoil:
    def edit(data: bytes) -> bytes:
        import onnx

        model = onnx.ModelProto.FromString(data)
        change(model)
        return bytes(model.SerializeToString())

    return changing("m.onnx", edit)


def _external(location: str, offset: str = "0") -> Spoil:
    def change(model: Any) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = 1
        for key, value in (("location", location), ("offset", offset), ("length", "48")):
            weight.external_data.add(key=key, value=value)

    def spoil(folder: Path) -> Path:
        for place in (folder / "w.bin", folder / "secret", folder / "inner" / "w.bin"):
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(bytes(48))
        _edited(change)(folder)
        return (folder / "m.onnx").rename(folder / "inner" / "m.onnx")

    return spoil


def _linked(folder: Path) -> Path | None:
    path = _external("link.bin")(folder)
    (folder / "inner" / "link.bin").symlink_to(folder / "secret")
    return path


def _dims(*sizes: int) -> Spoil:
    def change(model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(sizes)

    return _edited(change)


def _nested(folder: Path) -> None:
    """Write graphs in graphs; protobuf itself does not write as deep, so the bytes are put together here."""
    graph = b""
    for _ in range(200):
        attribute = _bytes(1, b"then_branch") + _bytes(6, graph) + b"\xa0\x01\x05"
        graph = _bytes(1, _bytes(1, b"x") + _bytes(2, b"y") + _bytes(4, b"If") + _bytes(5, attribute))
    (folder / "m.onnx").write_bytes(b"\x08\x08" + _bytes(7, graph) + _bytes(8, b"\x10\x11"))


def _bytes(number: int, content: bytes) -> bytes:
    """Return a field of protobuf that holds bytes."""
    from weight_files import varints

    return varints(number << 3 | 2, len(content)) + content


def _operator(kind: str, domain: str = "") -> Spoil:
    def change(model: Any) -> None:
        model.graph.node[0].op_type, model.graph.node[0].domain = kind, domain
        if domain:
            model.opset_import.add(domain=domain, version=1)

    return _edited(change)


def _opset(version: int) -> Spoil:
    def change(model: Any) -> None:
        model.opset_import[0].version = version

    return _edited(change)


def _circle(folder: Path) -> None:
    def change(model: Any) -> None:
        model.graph.node[1].input[0] = "y"
        model.graph.node[2].input[0] = "r"

    _edited(change)(folder)


def _computed(folder: Path) -> None:
    import numpy as np
    from onnx_models import node, saved

    nodes = [node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")]
    saved(folder, nodes, {"x": ["n", 4]}, weights={"s": np.int64([1 << 20, 1 << 20])})


def _alone(folder: Path) -> Path:
    (folder / "net.caffemodel").unlink()
    return folder / "net.prototxt"


def _blob(**fields: Any) -> bytes:
    from transfer.importers.caffe.schema import NetParameter

    net = NetParameter()
    net.layer.add(name="hidden", type="InnerProduct").blobs.add(**fields)
    return bytes(net.SerializeToString())


def _field(size: int) -> bytes:
    from weight_files import varints

    return varints(100 << 3 | 2, size) + b"x"
