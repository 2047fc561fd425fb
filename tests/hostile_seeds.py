"""A tiny sound file of every format that `zoo import` reads: what the hostile corpus damages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from weight_files import NUMBERS, array, call, ops, pickled, plain, safetensors, tensor, torch_legacy, torch_zip

INTO, LONE = ("--into", "architecture"), ("--into", "lone")
KERNEL = np.arange(6, dtype=np.float32).reshape(3, 2)
STATE: Mapping[str, Any] = {"d.weight": plain(), "d.bias": tensor("0", (2,), (1,), 1)}


@dataclass(frozen=True)
class Seed:
    """One format's sound file.

    Attributes:
        write: writes the files into a folder.
        name: what of it is imported: a file, a prefix, or the folder itself where it is empty.
        files: those that are damaged, one a time.
        words: the options that it needs.
    """

    write: Callable[[Path], Any]
    name: str
    files: tuple[str, ...]
    words: tuple[str, ...] = ()


def architectures(folder: Path) -> tuple[Path, ...]:
    """Write the models that weights alone go into: `zoo import FILE --as NAME`, where the name is the file's stem."""
    import keras

    made = []
    for name, bias in (("architecture", True), ("lone", False)):
        layer = keras.layers.Dense(2, use_bias=bias, name="d")
        keras.Sequential([keras.Input((3,), name="X"), layer]).save(folder / f"{name}.keras")
        made.append(folder / f"{name}.keras")
    return tuple(made)


def dense(keras: Any) -> Any:
    """Return a net of two dense layers in any Keras."""
    layers = keras.layers
    stack = [keras.Input((4,), name="X"), layers.Dense(3, "relu", name="hidden"), layers.Dense(2, name="outputs")]
    return stirred(keras.Sequential(stack, name="net"))


def stirred(model: Any) -> Any:
    draws = np.random.default_rng(0)
    model.set_weights([draws.normal(0, 0.3, weight.shape).astype(np.float32) for weight in model.weights])
    return model


def keras_file(folder: Path) -> None:
    import keras

    dense(keras).save(folder / "m.keras")


def keras_h5(folder: Path) -> None:
    import tf_keras

    dense(tf_keras).save(folder / "m.h5")


def keras_json(folder: Path) -> None:
    import tf_keras

    (folder / "m.json").write_text(dense(tf_keras).to_json())


def keras_weights(folder: Path) -> None:
    import keras

    stack = keras.Sequential([keras.Input((3,), name="X"), keras.layers.Dense(2, name="d")])
    stirred(stack).save_weights(folder / "m.weights.h5")


def tfjs(folder: Path) -> None:
    import keras_files
    import tf_keras

    keras_files.tfjs(folder / "m", dense(tf_keras))


def saved_model(folder: Path) -> None:
    import savedmodels
    import tf1_graphs

    savedmodels.simple(small(tf1_graphs), folder / "m", ["X:0"], ["outputs/BiasAdd:0"])


def metagraph(folder: Path) -> None:
    import tf1_graphs

    tf1_graphs.save(small(tf1_graphs), folder, name="m.ckpt")


def frozen_graph(folder: Path) -> None:
    import tf1_graphs

    frozen(small(tf1_graphs), folder / "m.pb")


def frozen(build: Callable[[], None], path: Path) -> None:
    """Write a graph of `tf1_graphs` with its variables as constants, up to `outputs/BiasAdd`."""
    import tensorflow as tf
    import tf1_graphs

    tf1 = tf.compat.v1
    with tf.Graph().as_default() as graph, tf1_graphs.control_flow(1), tf1.variable_scope("", use_resource=False):
        tf1.set_random_seed(0)
        build()
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            freeze = tf1.graph_util.convert_variables_to_constants
            path.write_bytes(freeze(session, graph.as_graph_def(), ["outputs/BiasAdd"]).SerializeToString())


def small(graphs: Any) -> Callable[[], None]:
    """Return what builds a net of two dense layers in TensorFlow 1."""

    def build() -> None:
        graphs.dense(graphs.dense(graphs.image(4), 3, "hidden", graphs.tf.nn.relu), 2, "outputs")

    return build


def tf_checkpoint(folder: Path) -> None:
    import tensorflow as tf

    tf1 = tf.compat.v1
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.get_variable("d/kernel", initializer=KERNEL)
        tf1.get_variable("d/bias", initializer=KERNEL[0])
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(folder / "m.ckpt"), write_meta_graph=False, write_state=False)


def onnx(folder: Path) -> None:
    from onnx_models import node, random, saved

    weights = {"w": random(4, 3), "b": random(3), "v": random(3, 2)}
    nodes = [node("Gemm", "x w b", "h", "/fc1/Gemm"), node("Relu", "h", "r"), node("MatMul", "r v", "y", "/fc2/MatMul")]
    saved(folder, nodes, {"x": ["n", 4]}, weights=weights)


def tflite(folder: Path) -> None:
    import tensorflow as tf

    draws = np.random.default_rng(0)
    kernels = [tf.constant(draws.normal(0, 0.3, shape), tf.float32) for shape in ((4, 3), (3, 2))]

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, "X")])
    def serve(x: Any) -> Any:
        return tf.matmul(tf.nn.relu(tf.matmul(x, kernels[0])), kernels[1])

    made = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()])
    (folder / "m.tflite").write_bytes(made.convert())


def caffe_net() -> str:
    from caffe_models import input_layer, layer

    hidden = layer("hidden", "InnerProduct", "data", body="inner_product_param { num_output: 3 }")
    relu = layer("relu", "ReLU", "hidden", "hidden")
    return (
        input_layer(1, 4)
        + hidden
        + relu
        + layer("outputs", "InnerProduct", "hidden", body="inner_product_param { num_output: 2 }")
    )


def caffe(folder: Path) -> None:
    from caffe_models import arrays, write

    write(folder, caffe_net(), arrays({"hidden": [(3, 4), (3,)], "outputs": [(2, 3), (2,)]}))


def caffe_weights(folder: Path) -> None:
    from caffe_models import arrays, caffemodel

    (folder / "m.caffemodel").write_bytes(caffemodel(arrays({"d": [(2, 3), (2,)]})))


def torchscript(folder: Path) -> None:
    layer = ops(call("__torch__.Layer")) + ops({"weight": plain(), "bias": STATE["d.bias"], "training": False}) + b"b"
    net = ops(call("__torch__.Net")) + ops({"d": type(plain())(layer), "training": False}) + b"b"
    code = {"constants.pkl": pickled(()), "code/__torch__.py": b"class Net(Module): pass\n"}
    torch_zip(folder / "m.pt", b"\x80\x02" + net + b".", **code)


def shards(folder: Path) -> None:
    save(folder / "model-1.safetensors", {"d.weight": KERNEL.T})
    save(folder / "model-2.safetensors", {"d.bias": KERNEL[0]})
    places = {"d.weight": "model-1.safetensors", "d.bias": "model-2.safetensors"}
    index = {"metadata": {"total_size": 32}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    header, content = {"__metadata__": {"format": "pt"}}, b""
    for name, one in arrays.items():
        offsets = [len(content), len(content) + one.nbytes]
        header[name] = {"dtype": "F32", "shape": list(one.shape), "data_offsets": offsets}  # type: ignore[dict-item]
        content += one.tobytes()
    safetensors(path, header, content)


def arrays_pickle(folder: Path) -> None:
    held = {"d": {"kernel": array(NUMBERS, (3, 2)), "bias": array(NUMBERS[:8], (2,))}}
    (folder / "m.pkl").write_bytes(pickled(held))


def npz(folder: Path) -> None:
    np.savez(folder / "m.npz", **{"d/kernel": KERNEL, "d/bias": KERNEL[0]})


PARTS = ("m.ckpt.index", "m.ckpt.data-00000-of-00001")
STORED = ("m/variables/variables.index", "m/variables/variables.data-00000-of-00001")
SHARD_INDEX = "model.safetensors.index.json"

SEEDS: dict[str, Seed] = {
    "keras": Seed(keras_file, "m.keras", ("m.keras",)),
    "keras-h5": Seed(keras_h5, "m.h5", ("m.h5",)),
    "keras-json": Seed(keras_json, "m.json", ("m.json",)),
    "keras-weights": Seed(keras_weights, "m.weights.h5", ("m.weights.h5",), INTO),
    "tfjs": Seed(tfjs, "m", ("m/model.json", "m/group1-shard1of1.bin")),
    "saved-model": Seed(saved_model, "m", ("m/saved_model.pb", *STORED)),
    "tf1-metagraph": Seed(metagraph, "m.ckpt", ("m.ckpt.meta", *PARTS)),
    "frozen-graph": Seed(frozen_graph, "m.pb", ("m.pb",)),
    "tf-checkpoint": Seed(tf_checkpoint, "m.ckpt", PARTS, INTO),
    "onnx": Seed(onnx, "m.onnx", ("m.onnx",)),
    "tflite": Seed(tflite, "m.tflite", ("m.tflite",)),
    "caffe": Seed(caffe, "net.caffemodel", ("net.caffemodel", "net.prototxt")),
    "caffe-weights": Seed(caffe_weights, "m.caffemodel", ("m.caffemodel",), INTO),
    "torch-zip": Seed(lambda folder: torch_zip(folder / "m.pt", dict(STATE)), "m.pt", ("m.pt",), INTO),
    "torch-legacy": Seed(lambda folder: torch_legacy(folder / "m.pth", dict(STATE)), "m.pth", ("m.pth",), INTO),
    "torchscript": Seed(torchscript, "m.pt", ("m.pt",), INTO),
    "safetensors": Seed(
        lambda folder: save(folder / "m.safetensors", {"d.weight": KERNEL.T, "d.bias": KERNEL[0]}),
        "m.safetensors", ("m.safetensors",), INTO,
    ),
    "shards": Seed(shards, SHARD_INDEX, (SHARD_INDEX, "model-1.safetensors"), INTO),
    "npz": Seed(npz, "m.npz", ("m.npz",), INTO),
    "npy": Seed(lambda folder: np.save(folder / "m.npy", KERNEL), "m.npy", ("m.npy",), LONE),
    "pickle": Seed(arrays_pickle, "m.pkl", ("m.pkl",), INTO),
}  # fmt: skip
