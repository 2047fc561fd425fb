"""SavedModels of TensorFlow 1 and 2 become native Keras models with the numbers of their signatures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import savedmodels as makers
import tensorflow as tf
import tf1_graphs as graphs

from registry.card import Preprocessing
from transfer.imported import Imported
from transfer.importers import savedmodel
from transfer.importers.metagraph.graph import Graph, Node
from transfer.importers.savedmodel.plain import plain, root
from transfer.scope import scope_of

tf1 = tf.compat.v1

DENSE = [("hidden1", "Dense"), ("hidden2", "Dense"), ("outputs", "Dense")]
CONVOLUTIONAL = [
    ("conv1", "Conv2D"),
    ("bn1", "BatchNormalization"),
    ("pool1", "MaxPooling2D"),
    ("conv2", "SeparableConv2D"),
    ("conv3", "DepthwiseConv2D"),
    ("mean", "GlobalAveragePooling2D"),
    ("outputs", "Dense"),
]
RESIDUAL = [
    ("pad", "ZeroPadding2D"),
    ("stem", "Conv2D"),
    ("bn", "BatchNormalization"),
    ("leaky", "LeakyReLU"),
    ("conv", "Conv2D"),
    ("add", "Add"),
    ("both", "Concatenate"),
    ("flat", "Flatten"),
    ("outputs", "Dense"),
]
TWO_ENDS = [("left", "Dense"), ("right", "Dense"), ("both", "Concatenate"), ("first", "Dense"), ("second", "Dense")]
EMBEDDED = [("embedding", "Embedding"), ("conv", "Conv1D"), ("most", "GlobalMaxPooling1D"), ("outputs", "Dense")]
CASES = [
    (makers.dense, DENSE),
    (makers.convolutional, CONVOLUTIONAL),
    (makers.residual, RESIDUAL),
    (makers.two_ends, TWO_ENDS),
    (makers.embedded, EMBEDDED),
]


def shapes(model: Any) -> list[tuple[str, str]]:
    return [
        (scope_of(layer.name), type(layer).__name__) for layer in model.layers if type(layer).__name__ != "InputLayer"
    ]


def given(model: Any, seed: int = 3) -> list[np.ndarray]:
    """Random inputs of three samples for a model."""
    draws = np.random.default_rng(seed)
    drawn = []
    for tensor in model.inputs:
        shape = (3, *(size or 8 for size in tensor.shape[1:]))
        whole = "int" in str(tensor.dtype)
        drawn.append(
            draws.integers(0, 11, shape).astype(tensor.dtype) if whole else draws.normal(size=shape).astype(np.float32)
        )
    return drawn


def outputs(found: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    made = found(arrays[0] if len(arrays) == 1 else arrays)
    return [np.asarray(one) for one in (made if isinstance(made, list | tuple) else [made])]


def agrees(found: Imported, expected: Callable[[list[np.ndarray]], list[np.ndarray]]) -> None:
    arrays = given(found.model)
    for ours, theirs in zip(outputs(found.model, arrays), expected(arrays), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [makers.keras3, makers.keras2], ids=["keras3", "keras2"])
@pytest.mark.parametrize(("build", "layers"), CASES, ids=[case[0].__name__ for case in CASES])
def test_an_export_of_keras_is_native(make: Any, build: Any, layers: list[tuple[str, str]], tmp_path: Path) -> None:
    original = make(build, tmp_path)
    found = savedmodel.read(tmp_path)
    assert sorted(shapes(found.model)) == sorted(layers)
    assert [(layer.scope, layer.type) for layer in found.layers] == shapes(found.model)
    assert found.native_share == 1.0
    assert found.format == "saved_model"
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert found.compared_with == f"TensorFlow {tf.__version__}"
    agrees(found, lambda arrays: outputs(original, arrays))


def test_sources_are_the_variables_names(tmp_path: Path) -> None:
    makers.keras2(makers.dense, tmp_path)
    found = savedmodel.read(tmp_path, compare=False)
    assert found.layers[0].sources == ("hidden1/kernel", "hidden1/bias")
    assert found.max_rel_difference is None and found.compared_with == ""


TF1 = [
    (graphs.textbook, "dnn/outputs/BiasAdd:0", [*((f"hidden{n}", "Dense") for n in range(1, 6)), ("outputs", "Dense")]),
    (
        graphs.convolutional,
        "outputs/BiasAdd:0",
        [
            ("conv1", "Conv2D"),
            ("bn", "BatchNormalization"),
            ("pool1", "MaxPooling2D"),
            ("conv2", "Conv2D"),
            ("pool2", "AveragePooling2D"),
            ("flat", "Flatten"),
            ("fc1", "Dense"),
            ("fc1_drop", "Dropout"),
            ("outputs", "Dense"),
        ],
    ),
]


@pytest.mark.parametrize("resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize(("build", "output", "layers"), TF1, ids=[case[0].__name__ for case in TF1])
def test_a_graph_of_tensorflow_1(build: Any, output: str, layers: Any, resource: bool, tmp_path: Path) -> None:
    inputs = ["X:0", "is_training:0"] if build is graphs.convolutional else ["X:0"]
    folder = makers.simple(build, tmp_path / "m", inputs, [output], resource)
    found = savedmodel.read(folder)
    assert shapes(found.model) == layers
    assert found.max_rel_difference is not None
    assert found.unmapped and set(found.unmapped.values()) <= {
        "optimizer slot",
        "step counter",
        "not needed by the output",
    }
    x = given(found.model)[0]
    loaded = tf.saved_model.load(str(folder)).signatures["serving_default"]
    flags = {key: tf.constant(False) for key in loaded.structured_input_signature[1] if key != "X"}
    np.testing.assert_allclose(found.model(x), loaded(X=tf.constant(x), **flags)["BiasAdd"], rtol=1e-4, atol=1e-5)


class Scaled(tf.Module):
    """A module whose call has one trace for training and one for inference."""

    def __init__(self) -> None:
        super().__init__()
        draws = np.random.default_rng(0)
        with tf.name_scope("head"):
            self.kernel = tf.Variable(draws.normal(size=(4, 3)).astype(np.float32), name="kernel")
            self.bias = tf.Variable(draws.normal(size=3).astype(np.float32), name="bias")
        self.scale = tf.constant(2.0)

    @tf.function
    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        y = tf.nn.relu(tf.matmul(x, self.kernel) + self.bias)
        return tf.nn.dropout(y, 0.5) if training else y * self.scale

    @tf.function
    def embed(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, self.kernel)


def scaled(folder: Path, **signatures: Any) -> Scaled:
    module = Scaled()
    for training in (True, False):
        module.__call__.get_concrete_function(tf.TensorSpec((None, 4), tf.float32, "x"), training=training)
    module.embed.get_concrete_function(tf.TensorSpec((None, 4), tf.float32, "x"))
    made = {name: function(module) for name, function in signatures.items()}
    tf.saved_model.save(module, str(folder), made or None)
    return module


def test_a_module_without_signatures_is_called(tmp_path: Path) -> None:
    """As TensorFlow Hub's second format has it: the trace for inference is taken, not that for training."""
    module = scaled(tmp_path)
    found = savedmodel.read(tmp_path)
    assert [(layer.scope, layer.type) for layer in found.layers] == [("head", "Dense"), ("mul", "Rescaling")]
    agrees(found, lambda arrays: [module(*arrays).numpy()])
    lower = savedmodel.read(tmp_path, signature="embed")
    assert [(layer.scope, layer.parameters) for layer in lower.layers] == [("head", 12)]
    agrees(lower, lambda arrays: [module.embed(*arrays).numpy()])


def test_signatures_of_functions(tmp_path: Path) -> None:
    module = scaled(
        tmp_path,
        embed=lambda m: m.embed.get_concrete_function(tf.TensorSpec((None, 4), tf.float32)),
        score=lambda m: m.__call__.get_concrete_function(tf.TensorSpec((None, 4), tf.float32), training=False),
    )
    agrees(savedmodel.read(tmp_path, signature="embed"), lambda arrays: [module.embed(*arrays).numpy()])
    agrees(savedmodel.read(tmp_path, signature="score"), lambda arrays: [module(*arrays).numpy()])


def test_tensors_inside_of_functions_are_named(tmp_path: Path) -> None:
    model = makers.keras2(makers.dense, tmp_path)
    found = savedmodel.read(tmp_path, input="net/hidden1/Relu", output="net/outputs/MatMul,net/hidden2/Elu")
    names = [layer.name for layer in model.layers]
    assert names == ["hidden1", "hidden2", "outputs"]
    assert [tuple(tensor.shape) for tensor in (*found.model.inputs, *found.model.outputs)] == [
        (None, 5),
        (None, 3),
        (None, 4),
    ]
    assert found.max_rel_difference is not None

    def expected(arrays: list[np.ndarray]) -> list[np.ndarray]:
        hidden = model.layers[1](arrays[0]).numpy()
        return [hidden @ model.layers[2].kernel.numpy(), hidden]

    agrees(found, expected)


def hub(folder: Path) -> Path:
    """A module of TensorFlow Hub's first format: one graph for training, one without tags."""
    with tf.Graph().as_default(), tf1.Session() as session:
        x = graphs.image(8, 8, 3)
        y = tf.nn.relu(graphs.conv2d(x, 4, 3, "module/conv"))
        y = tf.reduce_mean(y, [1, 2], name="feature")
        session.run(tf1.global_variables_initializer())
        graphs._stir(session)
        info = tf1.saved_model.build_signature_def(
            {"images": tf1.saved_model.build_tensor_info(x)}, {"default": tf1.saved_model.build_tensor_info(y)}
        )
        builder = tf1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["train"], {"default": info, "images": info})
        builder.add_meta_graph([], {"default": info, "images": info})
        builder.save()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return folder


def test_a_module_of_tensorflow_hub(tmp_path: Path) -> None:
    found = savedmodel.read(hub(tmp_path / "m"))
    assert [(layer.scope, layer.type) for layer in found.layers] == [
        ("module/conv", "Conv2D"),
        ("feature", "GlobalAveragePooling2D"),
    ]
    assert [tensor.name for tensor in found.model.inputs] == ["images"]
    assert found.preprocessing == Preprocessing((8, 8, 3), scale=1 / 255, channels="rgb")
    assert found.max_rel_difference is not None


def test_what_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    assert not savedmodel.claims(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert savedmodel.claims(tmp_path) and savedmodel.claims(tmp_path / "saved_model.pb")
    assert not savedmodel.claims(tmp_path / "none")


def test_names_lose_the_wrapping_of_functions() -> None:
    nodes = [
        Node("c1/kernel_1", "VarHandleOp"),
        Node("call/net_1/c1_1/Read", "ReadVariableOp", ("c1/kernel_1:0",)),
        Node("StatefulPartitionedCall/StatefulPartitionedCall_3/a/MatMul", "MatMul", ("call/net_1/c1_1/Read:0",)),
        Node(
            "StatefulPartitionedCall_1/a/MatMul",
            "Relu",
            ("StatefulPartitionedCall/StatefulPartitionedCall_3/a/MatMul:0",),
        ),
    ]
    found = plain(Graph({node.name: node for node in nodes}), {"c1/kernel_1"})
    assert list(found.nodes)[2:] == ["a/MatMul", "a/MatMul_1"]
    assert found.nodes["a/MatMul_1"].inputs == ("a/MatMul:0",)
    assert root(["net/c1/Relu", "net/c2/Relu"]) == "net"
    assert root(["c1/Relu", "net/c2/Relu"]) == "net"
    assert root(["a/b/c", "d/e/f"]) == ""


def test_a_recurrent_model_of_keras_2_is_made_of_its_layers(tmp_path: Path) -> None:
    """Its graph holds loops, which no native layer can be read from; its metadata say which layers they were."""
    original = makers.keras2(makers.recurrent, tmp_path)
    found = savedmodel.read(tmp_path)
    assert shapes(found.model) == [
        ("embedding", "Embedding"),
        ("both", "Bidirectional"),
        ("gru", "GRU"),
        ("outputs", "Dense"),
    ]
    assert found.native_share == 1.0
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert found.layers[2].sources == ("gru/gru_cell/kernel", "gru/gru_cell/recurrent_kernel", "gru/gru_cell/bias")
    agrees(found, lambda arrays: outputs(original, arrays))
