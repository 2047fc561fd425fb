"""Every format: what is written computes the same, and comes back as the same numbers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from export_models import KINDS, model

from registry.errors import ZooError
from transfer.exporters.exported import About, compared, end_names, outputs_of
from transfer.exporters.table import EXPORTERS, exporter_of
from transfer.samples import random_inputs

ABOUT = About("net", "ab" * 32)
BACK = {"saved_model": "savedmodel", "tflite": "tflite", "onnx": "onnx", "keras": "keras_file"}
SCOPED = ("saved_model", "keras")  # what lists the layers themselves


def made(kind: str, to: str, folder: Path) -> tuple[Any, Path, Any]:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    net = model(kind)
    path, exporter = folder / f"m{exporter_of(to).suffix}", exporter_of(to)
    exporter.write(net, path, ABOUT)
    return net, path, exporter.check(net, path, random_inputs(net, 2))


@pytest.mark.parametrize("to", BACK)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_computes_and_comes_back_the_same(kind: str, to: str, tmp_path: Path) -> None:
    net, path, checked = made(kind, to, tmp_path)
    assert checked.relative < 1e-5
    assert checked.compared_with
    back = import_module(f"transfer.importers.{BACK[to]}").read(path).model
    if to in SCOPED:
        assert [layer.name for layer in back.layers] == [layer.name for layer in net.layers]
    # Files of several inputs list them by name; names stay.
    names = [tensor.name for tensor in back.inputs]
    fed = dict(zip(end_names(net)[0], random_inputs(net, 3, seed=5), strict=True))
    found = outputs_of(back, tuple(fed[name] for name in names) if len(names) > 1 else tuple(fed.values()))
    expected = outputs_of(net, tuple(fed.values()))
    assert compared(sorted(expected, key=np.size), sorted(found, key=np.size), "the way back").relative < 1e-5


def test_safetensors_hold_every_weight_by_its_scope(tmp_path: Path) -> None:
    from transfer.safetensors_file import read

    net, path, checked = made("dense", "safetensors", tmp_path)
    arrays = read(path)
    assert sorted(arrays) == ["block/hidden/bias", "block/hidden/kernel", "out/bias", "out/kernel"]
    assert (checked.largest, checked.compared_with) == (0.0, "the model's weights, byte by byte")
    net.layers[1].kernel.assign_add(np.ones((6, 5)))
    with pytest.raises(ZooError, match="the exported weights are not the model's: block/hidden/kernel"):
        exporter_of("safetensors").check(net, path, ())


@pytest.mark.parametrize("to", BACK)
def test_a_file_with_other_numbers_is_refused(to: str, tmp_path: Path) -> None:
    net, path, _ = made("dense", to, tmp_path)
    net.layers[1].kernel.assign(net.layers[1].kernel + 0.01)
    with pytest.raises(ZooError, match=r"the exported file in .* differs from the model: .* relative"):
        exporter_of(to).check(net, path, random_inputs(net, 2))


def test_an_onnx_file_says_what_it_is(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    _, path, checked = made("dense", "onnx", tmp_path)
    read = onnx.load(path)
    onnx.checker.check_model(read, full_check=True)
    assert checked.compared_with.startswith("ONNX Runtime ")
    assert {entry.key: entry.value for entry in read.metadata_props} == {
        "zoo.name": "net", "zoo.revision": "ab" * 32,
    }  # fmt: skip
    assert [node.name for node in read.graph.node][:2] == ["block/hidden", "block/hidden/activation"]
    assert [one.name for one in read.graph.initializer][:2] == ["block/hidden/kernel", "block/hidden/bias"]
    assert read.opset_import[0].version == 17


def test_layers_that_onnx_does_not_have_are_named(tmp_path: Path) -> None:
    x = keras.Input((4, 8), name="x")
    attention = keras.layers.MultiHeadAttention(2, 4, name="block>attend")(x, x)
    net = keras.Model(x, keras.layers.Discretization([0.5], name="bins")(attention))
    with pytest.raises(ZooError) as caught:
        exporter_of("onnx").write(net, tmp_path / "m.onnx", ABOUT)
    assert caught.value.message == (
        "the model cannot be written as ONNX: there is no rule for bins (Discretization), "
        "block/attend (MultiHeadAttention)"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.Embedding(5, 2, mask_zero=True, name="e"), "its mask_zero is True; expected False"),
        (keras.layers.GlobalAveragePooling1D("channels_first", name="e"), "its channels do not come last"),
    ],
)
def test_what_onnx_cannot_say_is_refused(layer: Any, message: str, tmp_path: Path) -> None:
    x = keras.Input((4,) if isinstance(layer, keras.layers.Embedding) else (4, 3), name="x")
    with pytest.raises(ZooError, match=rf"the layer e \(\w+\) cannot be written as ONNX: {message}"):
        exporter_of("onnx").write(keras.Model(x, layer(x)), tmp_path / "m.onnx", ABOUT)


def test_tflite_needs_sequences_of_a_fixed_length(tmp_path: Path) -> None:
    x = keras.Input((None, 3), name="x")
    net = keras.Model(x, keras.layers.LSTM(2, name="r")(x))
    with pytest.raises(ZooError, match="TensorFlow Lite needs sequences of a fixed length; r read any"):
        exporter_of("tflite").write(net, tmp_path / "m.tflite", ABOUT)


def test_operations_that_tflite_does_not_have_are_named(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    net = keras.Model(x, keras.ops.erfinv(x))
    with pytest.raises(ZooError, match=r"cannot be written as TensorFlow Lite: .*have no form there: .*Erfinv"):
        exporter_of("tflite").write(net, tmp_path / "m.tflite", ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_models_within_models_are_written_by_their_scopes(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")], name="inner")
    x = keras.Input((3,), name="x")
    net = keras.Model(x, inner(x))
    exporter_of("onnx").write(net, tmp_path / "m.onnx", ABOUT)
    assert exporter_of("onnx").check(net, tmp_path / "m.onnx", random_inputs(net, 2)).relative < 1e-6
    assert [one.name for one in onnx.load(tmp_path / "m.onnx").graph.initializer] == ["inner/d/kernel", "inner/d/bias"]


def test_formats_are_known_by_name() -> None:
    assert [one.format for one in EXPORTERS] == ["keras", "saved_model", "tflite", "onnx", "safetensors"]
    with pytest.raises(ZooError, match="there is no export to 'onx'") as caught:
        exporter_of("onx")
    assert caught.value.hint == "did you mean onnx?"
