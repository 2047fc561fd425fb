"""Whole ONNX nets: layers, weights, scopes, shapes, metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_models import graph, model, node, random, residual, saved

from registry.errors import ZooError
from transfer.backbone import describe
from transfer.imported import Imported
from transfer.importers.onnx import claims, read

pytest.importorskip("onnxruntime")


def types(found: Imported) -> list[str]:
    return [layer.type for layer in found.layers]


def close(found: Imported) -> bool:
    return found.max_rel_difference is not None and found.max_rel_difference < 1e-5


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 15, 18, 22])
def test_residual_net(opset: int, tmp_path: Path) -> None:
    found = read(saved(tmp_path, **residual(opset)))
    assert close(found) and found.native_share == 1.0
    assert [layer.scope for layer in found.layers] == [
        "stem/Conv/pad",
        "stem/Conv",
        "bn/BatchNormalization",
        "relu/Relu",
        "pool/MaxPool/pad",
        "pool/MaxPool",
        "block/conv/Conv",
        "block/Add",
        "block/relu/Relu",
        "avgpool/GlobalAveragePool",
        "Flatten",
        "fc/Gemm",
        "Softmax",
    ]
    assert found.layers[1].sources == ("stem.weight", "stem.bias")
    assert found.layers[1].parameters == 8 * 3 * 3 * 3 + 8
    assert found.model.input_shape == (None, 16, 16, 3)
    assert not found.unmapped


def test_model_is_plain_keras(tmp_path: Path) -> None:
    found = read(saved(tmp_path, **residual()), compare=False)
    found.model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = random(2, 16, 16, 3)
    np.testing.assert_array_equal(again(x), found.model(x))
    assert found.max_rel_difference is None and found.compared_with == ""


def test_operations_are_plain_keras(tmp_path: Path) -> None:
    nodes = [node("Sqrt", "x", "a"), node("Div", "a x", "b"), node("Slice", "b s e", "y")]
    path = saved(tmp_path, nodes, {"x": ["n", 6]}, weights={"s": np.int64([0, 1]), "e": np.int64([2**31, 5])})
    found = read(path, compare=False)
    found.model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = random(2, 6, low=1, high=2)
    np.testing.assert_allclose(again(x), (1 / np.sqrt(x))[:, 1:5], rtol=1e-6)
    assert [one.type for one in describe(again)] == ["InputLayer", "Sqrt", "Divide", "GetItem"]


def test_weights_in_constant_nodes(tmp_path: Path) -> None:
    made = residual()
    nodes = [
        onnx.helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
        for name, array in made["weights"].items()
    ]
    made |= {"nodes": [*made["nodes"], *reversed(nodes)], "weights": {}}
    found = read(saved(tmp_path, **made))
    assert close(found)
    assert found.layers[1].sources == ("stem.weight", "stem.bias")


def test_weights_beside_the_model(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(model(**residual()), str(path), save_as_external_data=True, location="m.data", size_threshold=0)
    assert path.stat().st_size < 4000
    assert close(read(path))
    assert close(read(path, output="c"))


@pytest.mark.parametrize("kind", ["float64", "typed", "double_typed"])
def test_numbers_as_they_may_be_stored(kind: str, tmp_path: Path) -> None:
    weight = random(5, 3)
    found = model([node("Gemm", "x w", "y")], {"x": ["n", 5]}, kinds={"x": "d" if "d" in kind[:2] else "f"})
    if kind == "float64":
        found = model([node("MatMul", "x w", "y")], {"x": ["n", 5]}, kinds={"x": "d", "y": "d"})
        held = numpy_helper.from_array(weight.astype(np.float64), "w")
    elif kind == "typed":
        held = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [5, 3], weight.ravel().tolist())
    else:
        found = model([node("MatMul", "x w", "y")], {"x": ["n", 5]}, kinds={"x": "d", "y": "d"})
        held = onnx.helper.make_tensor("w", onnx.TensorProto.DOUBLE, [5, 3], weight.ravel().tolist())
    found.graph.initializer.append(held)
    onnx.save(found, str(tmp_path / "m.onnx"))
    done = read(tmp_path / "m.onnx")
    assert close(done) and done.model.dtype == "float32"


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16"])
def test_sixteen_bits_become_float32(kind: str, tmp_path: Path) -> None:
    weight = np.float32([[0.5, -1.25], [3, 0.125]])
    found = model(
        [node("Cast", "w", "v", to=1), node("MatMul", "x v", "y")], {"x": ["n", 2]}, kinds={"x": "f"}, opset=13
    )
    held = onnx.helper.make_tensor("w", getattr(onnx.TensorProto, kind), [2, 2], weight.ravel().tolist())
    found.graph.initializer.append(held)
    onnx.save(found, str(tmp_path / "m.onnx"))
    done = read(tmp_path / "m.onnx")
    np.testing.assert_allclose(done.model(np.eye(2, dtype=np.float32)), weight)
    assert done.notes[-1] == "not compared: the original computes with 16 bits, the model with 32"


def test_shapes_that_are_computed(tmp_path: Path) -> None:
    """What `x.view(x.size(0), -1)` becomes, also where a condition asks how many samples there are."""
    nodes = [
        node("Conv", "x w", "a"),
        node("Shape", "a", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n zeros", "nn"),
        node("Concat", "nn rest", "target", axis=0),
        node("Reshape", "a target", "y"),
    ]
    weights = {"w": random(3, 2, 2, 2), "zero": np.int64(0), "zeros": np.int64([0]), "rest": np.int64([-1])}
    found = read(saved(tmp_path, nodes, {"x": ["n", 2, 5, 4]}, weights=weights, opset=13))
    assert close(found) and types(found) == ["Conv2D", "Permute", "Reshape"]


def test_a_fixed_batch_becomes_open(tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "a"), node("Reshape", "a target", "b"), node("MatMul", "b v", "y")]
    weights = {"w": random(3, 2, 2, 2), "target": np.int64([1, 36]), "v": random(36, 2)}
    found = read(saved(tmp_path, nodes, {"x": [1, 2, 5, 4]}, weights=weights))
    assert close(found) and found.model.input_shape == (None, 5, 4, 2) and found.model.output_shape == (None, 2)


def test_transpose_moves_nothing(tmp_path: Path) -> None:
    """A net that TensorFlow exported: channels last, turned for the convolution and back."""
    nodes = [
        node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
        node("Conv", "a w", "b"),
        node("Relu", "b", "c"),
        node("Transpose", "c", "y", perm=[0, 2, 3, 1]),
    ]
    found = read(saved(tmp_path, nodes, {"x": ["n", 5, 4, 2]}, weights={"w": random(3, 2, 2, 2)}))
    assert close(found) and types(found) == ["Conv2D", "ReLU"]


def test_biases_are_added_in_their_layer(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w", "a"),
        node("Add", "a b", "c"),
        node("GlobalMaxPool", "c", "d"),
        node("Flatten", "d", "e"),
        node("MatMul", "e v", "f"),
        node("Add", "u f", "y"),
    ]
    weights = {"w": random(3, 2, 2, 2), "b": random(1, 3, 1, 1), "v": random(3, 4), "u": random(4)}
    found = read(saved(tmp_path, nodes, {"x": ["n", 2, 5, 4]}, weights=weights))
    assert close(found) and types(found) == ["Conv2D", "GlobalMaxPooling2D", "Flatten", "Dense"]
    assert found.layers[0].sources == ("w", "b") and found.layers[3].sources == ("v", "u")


def test_attention(tmp_path: Path) -> None:
    """Two heads over a sequence: products of tensors, reshapes with two axes, softmax."""
    split = np.int64([0, 0, 2, 4])
    nodes = [node("MatMul", f"x w{one}", f"p{one}") for one in "qkv"]
    nodes += [node("Reshape", f"p{one} split", f"r{one}") for one in "qkv"]
    nodes += [
        node("Transpose", f"r{one}", f"h{one}", perm=[0, 2, 3, 1] if one == "k" else [0, 2, 1, 3]) for one in "qkv"
    ]
    nodes += [
        node("MatMul", "hq hk", "s"),
        node("Mul", "s scale", "t"),
        node("Softmax", "t", "u"),
        node("MatMul", "u hv", "o"),
        node("Transpose", "o", "oo", perm=[0, 2, 1, 3]),
        node("Reshape", "oo joined", "y"),
    ]
    weights = {
        "wq": random(8, 8),
        "wk": random(8, 8, seed=1),
        "wv": random(8, 8, seed=2),
        "split": split,
        "joined": np.int64([0, 0, 8]),
        "scale": np.float32(0.5),
    }
    found = read(saved(tmp_path, nodes, {"x": ["n", 6, 8]}, weights=weights))
    assert close(found) and types(found).count("Matmul") == 2 and found.native_share == 1.0


def test_words_through_an_embedding_and_a_lstm(tmp_path: Path) -> None:
    """As PyTorch writes it: batch first, turned before and after the LSTM, both directions side by side."""
    nodes = [
        node("Gather", "table words", "e", "/embed/Gather"),
        node("Transpose", "e", "t", perm=[1, 0, 2]),
        node("LSTM", "t w r b", "o - -", "/lstm/LSTM", hidden_size=4, direction="bidirectional"),
        node("Transpose", "o", "p", perm=[0, 2, 1, 3]),
        node("Reshape", "p joined", "q"),
        node("Transpose", "q", "s", perm=[1, 0, 2]),
        node("Gather", "s last", "z", axis=1),
        node("Gemm", "z v", "y", "/fc/Gemm"),
    ]
    weights = {
        "table": random(20, 5),
        "w": random(2, 16, 5),
        "r": random(2, 16, 4),
        "b": random(2, 32),
        "v": random(8, 3),
        "joined": np.int64([0, 0, -1]),
        "last": np.int64(-1),
    }
    found = read(saved(tmp_path, nodes, {"words": ["n", 7]}, weights=weights, kinds={"words": "l"}))
    assert close(found) and found.model.input_shape == (None, 7)
    assert types(found)[:4] == ["Embedding", "LSTM", "LSTM", "Flip"] and types(found)[-1] == "Dense"


def test_states_of_a_recurrent_layer_are_inputs(tmp_path: Path) -> None:
    nodes = [node("GRU", "x w r - - h", "y z", hidden_size=4)]
    weights = {"w": random(1, 12, 5), "r": random(1, 12, 4)}
    found = read(saved(tmp_path, nodes, {"x": [3, "n", 5], "h": [1, "n", 4]}, ["y", "z"], weights))
    assert close(found) and len(found.model.inputs) == 2 and len(found.model.outputs) == 2


@pytest.mark.parametrize(("ask", "expected"), [(1, "ReLU"), (0, "Activation")])
def test_a_condition_that_is_known_is_followed(ask: int, expected: str, tmp_path: Path) -> None:
    ways = {
        "then_branch": graph([node("Relu", "x", "t")], {}, ["t"]),
        "else_branch": graph([node("Tanh", "x", "e")], {}, ["e"]),
    }
    nodes = [node("Equal", "rate one", "same"), node("If", "same", "y", "gate", **ways)]
    path = saved(tmp_path, nodes, {"x": ["n", 3], "rate": []}, weights={"one": np.int64(1)}, kinds={"rate": "l"})
    found = read(path, input=f"x,rate={ask}")
    assert close(found) and types(found) == [expected]
    assert found.notes[0] == f"the input rate has the value {ask} for good"
    with pytest.raises(ZooError, match=r"the input rate of .* has no shape") as caught:
        read(path)
    assert caught.value.hint == "give it a value for good: --input rate=NUMBER, with the other inputs' names before"


def test_a_condition_on_the_data_is_refused(tmp_path: Path) -> None:
    """An open size may be anything, so what is asked of it is not answered with the sizes that are tried."""
    ways = {
        "then_branch": graph([node("Relu", "x", "t")], {}, ["t"]),
        "else_branch": graph([node("Tanh", "x", "e")], {}, ["e"]),
    }
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "size"),
        node("Less", "size nine", "small"),
        node("If", "small", "y", "gate", **ways),
    ]
    path = saved(tmp_path, nodes, {"x": ["n", "m"]}, weights={"one": np.int64(1), "nine": np.int64(9)})
    with pytest.raises(ZooError) as caught:
        read(path)
    assert (
        caught.value.message
        == "cannot import the operator If (node gate): which of its branches runs depends on the data"
    )
    assert types(read(path, input="x=?x8")) == ["ReLU"]
    assert types(read(path, input="x=?x9")) == ["Activation"]


def test_a_part_by_tensor_names(tmp_path: Path) -> None:
    path = saved(tmp_path, **residual())
    low, high = read(path, output="c"), read(path, input="c", output="logits")
    whole = read(path, output="logits")
    assert close(low) and close(high) and types(high)[0] == "Pad"
    x = random(2, 16, 16, 3)
    np.testing.assert_allclose(high.model(low.model(x)), whole.model(x), rtol=1e-5, atol=1e-6)
    assert high.unmapped.keys() == {name for name in residual()["weights"] if name.startswith(("stem", "bn"))}
    both = read(path, output="g,y")
    assert [tensor.shape for tensor in both.model.outputs] == [(None, 4, 4, 8), (None, 4)] and close(both)


def test_names_of_scopes_come_from_weights_where_nodes_have_none(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", "x net.0.weight net.0.bias", "a", "node_linear", transB=1),
        node("Relu", "a", "y", "node_relu"),
    ]
    found = read(
        saved(tmp_path, nodes, {"x": ["n", 5]}, weights={"net.0.weight": random(3, 5), "net.0.bias": random(3)})
    )
    assert [layer.scope for layer in found.layers] == ["net/0", "node_relu"]


@pytest.mark.parametrize(
    ("metadata", "scale", "offset", "channels"),
    [
        ({"mean": "[0.5, 0.25, 0]", "std": "[0.5, 0.5, 1]"}, (2 / 255, 2 / 255, 1 / 255), (-1, -0.5, 0), ""),
        ({"mean": "104, 117, 123", "Image.BitmapPixelFormat": "Bgr8"}, 1.0, (-104, -117, -123), "bgr"),
        ({"mean": "0,0,0", "std": "255,255,255"}, 1 / 255, 0.0, ""),
        ({"mean": "0,0,0", "std": "0.5,0.5,0.5"}, 2 / 255, 0.0, ""),
        ({"mean": "1, 0.5, 0", "std": "2, 1, 1"}, (0.5, 1.0, 1.0), (-0.5, -0.5, 0.0), ""),
        ({"Image.NominalPixelRange": "Normalized_1_1", "Image.BitmapPixelFormat": "Rgb8"}, 2 / 255, -1.0, "rgb"),
    ],
)
def test_preprocessing_that_the_file_states(
    metadata: dict[str, str], scale: Any, offset: Any, channels: str, tmp_path: Path
) -> None:
    found = read(saved(tmp_path, **residual(), metadata=metadata), compare=False).preprocessing
    assert found is not None and found.shape == (16, 16, 3) and found.channels == channels
    assert found.scale == pytest.approx(scale) and found.offset == pytest.approx(offset)


@pytest.mark.parametrize("metadata", [{"mean": "0,0,0", "std": "1,1,1"}, {"mean": "0"}, {"mean": "0", "std": "0.004"}])
def test_a_mean_that_may_be_of_any_numbers_is_only_noted(metadata: dict[str, str], tmp_path: Path) -> None:
    found = read(saved(tmp_path, **residual(), metadata=metadata), compare=False)
    assert found.preprocessing is None
    said = f"its metadata state mean={metadata['mean']} without saying of which numbers: 0 to 1, or 0 to 255"
    assert said in found.notes


def test_a_std_of_zero_is_noted(tmp_path: Path) -> None:
    found = read(saved(tmp_path, **residual(), metadata={"mean": "0.5", "std": "0"}), compare=False)
    assert found.preprocessing is None
    assert "its metadata state a std of 0, which nothing can be divided by" in found.notes


def test_classes_that_the_file_states(tmp_path: Path) -> None:
    names = ["ant", "bee", "cat", "dog"]
    for number, text in enumerate((json.dumps(names), str(dict(enumerate(names))), "ant,bee,cat,dog")):
        found = read(saved(tmp_path, **residual(), metadata={"names": text}, name=f"{number}.onnx"), compare=False)
        assert found.classes == tuple(names) and found.preprocessing is None
    few = saved(tmp_path, **residual(), metadata={"names": "ant,bee"})
    assert read(few, compare=False).classes == ()


def test_a_difference_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that Keras computes in another way would be found out."""
    from transfer.importers.onnx import operators

    monkeypatch.setitem(operators.OPERATORS, "Relu", lambda call: [call.layer(keras.layers.ELU(), call.tensor())])
    with pytest.raises(ZooError, match=r"the imported model differs from the ONNX model m.onnx: .* relative") as caught:
        read(saved(tmp_path, [node("Relu", "x", "y")], {"x": ["n", 3]}))
    assert "--output TENSOR" in caught.value.hint and "--no-compare" not in caught.value.hint


def test_claims(tmp_path: Path) -> None:
    path = saved(tmp_path, **residual())
    assert claims(str(path)) and not claims(str(tmp_path)) and not claims(str(tmp_path / "no.onnx"))


def test_large_weights_stay_in_the_file_until_they_are_asked_for(tmp_path: Path) -> None:
    from transfer.importers.onnx.file import LARGE, loaded

    held = {"w": random(3000, 1500), "b": random(1500)}
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "y")]
    path = saved(tmp_path, nodes, {"x": ["n", 3000]}, weights=held)
    assert path.stat().st_size > LARGE
    assert loaded(path).ByteSize() < 10_000
    found = read(path)
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-5
    assert np.array_equal(found.model.layers[-1].kernel, held["w"])
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ZooError, match=r"m.onnx is no ONNX model: expected a ModelProto, got other or truncated bytes"):
        read(path)


def test_an_array_that_several_layers_read_is_copied_and_said(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "h"), node("Tanh", "h", "t"), node("MatMul", "t w", "y")]
    found = read(saved(tmp_path, nodes, {"x": ["n", 4]}, weights={"w": random(4, 4)}))
    assert [layer.parameters for layer in found.layers] == [16, 0, 16]
    assert found.notes == ("w is used by 2 layers, which train apart now",)
