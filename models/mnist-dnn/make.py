"""Make mnist-dnn: a TensorFlow 1 checkpoint of a digit 0-4 classifier, and the digits 5-9 task beside it.

    python make.py [--mnist mnist.npz] [--seed 0] [--out DIR]

Writes `model.ckpt.{meta,index,data-00000-of-00001}`, `digits-5-9.npz` and `test.npz`. The weights come from
`pretrain.py`; this file lays them out as the textbook does: Geron, Hands-On Machine Learning with Scikit-Learn
and TensorFlow, first edition (2017), chapter 11, exercises 8 and 9.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from pretrain import CLASSES, HIDDEN, PIXELS, pretrain

tf1 = tf.compat.v1
VALIDATION = 5_000  # the first training images of MNIST, as the textbook splits it
Arrays = dict[str, np.ndarray]
Digits = tuple[np.ndarray, np.ndarray]


class Net(NamedTuple):
    """The tensors and operations of the graph that the script itself runs."""

    x: tf.Tensor
    y: tf.Tensor
    logits: tf.Tensor
    accuracy: tf.Tensor


def read_mnist(path: Path | None) -> Arrays:
    """MNIST as `x_train, y_train, x_test, y_test`: images (n, 28, 28) uint8, labels (n,) uint8."""
    if path is None:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
        return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    with np.load(path) as stored:
        return {name: stored[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def first_of_each(labels: np.ndarray, digits: range, count: int) -> np.ndarray:
    """Rows of the first `count` of each digit, in their original order."""
    return np.sort(np.concatenate([np.flatnonzero(labels == digit)[:count] for digit in digits]))


def small_task(mnist: Arrays) -> Arrays:
    """Digits 5-9: 100 training and 30 validation images a digit, and all test images."""
    digits, labels = range(5, 10), mnist["y_train"].astype(np.int64)
    valid = first_of_each(labels[:VALIDATION], digits, 30)
    train = VALIDATION + first_of_each(labels[VALIDATION:], digits, 100)
    test = np.flatnonzero(mnist["y_test"] >= 5)
    return {
        "x_train": mnist["x_train"][train],
        "y_train": labels[train],
        "x_valid": mnist["x_train"][valid],
        "y_valid": labels[valid],
        "x_test": mnist["x_test"][test],
        "y_test": mnist["y_test"][test].astype(np.int64),
    }


def digits_0_to_4(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Those images as (n, 784) float32 in [0, 1], and their labels (n,) int64."""
    kept = labels < CLASSES
    return images[kept].reshape(-1, PIXELS).astype(np.float32) / 255, labels[kept].astype(np.int64)


def dense(x: tf.Tensor, units: int, name: str, seed: int) -> tf.Tensor:
    """What `tf.layers.dense(x, units, name=name)` made: variables in the scope `name`, operations in the name scope."""
    he = tf1.variance_scaling_initializer(scale=2.0, mode="fan_in", seed=seed)
    with tf1.variable_scope(name, use_resource=False):
        kernel = tf1.get_variable("kernel", (x.shape[-1], units), initializer=he)
        bias = tf1.get_variable("bias", (units,), initializer=tf1.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(x, kernel, name="MatMul"), bias, name="BiasAdd")


def elu(z: tf.Tensor, name: str) -> tf.Tensor:
    """ELU of `z` as operation `Elu` beside the others of layer `name`."""
    with tf1.name_scope(f"{z.op.name.rpartition('/')[0]}/"):
        return tf.nn.elu(z, name="Elu")


def build(seed: int) -> Net:
    """Add the textbook's net, with loss, training and evaluation, to the default graph."""
    x = tf1.placeholder(tf.float32, (None, PIXELS), name="X")
    y = tf1.placeholder(tf.int64, (None,), name="y")
    with tf1.name_scope("dnn"):
        hidden = x
        for number, units in enumerate(HIDDEN, start=1):
            hidden = elu(dense(hidden, units, f"hidden{number}", seed + number), f"hidden{number}")
        logits = dense(hidden, CLASSES, "outputs", seed)
    with tf1.name_scope("loss"):
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        loss = tf.reduce_mean(entropy, name="loss")
    with tf1.name_scope("train"):
        training = tf1.train.AdamOptimizer(learning_rate=0.01).minimize(loss, name="training_op")
    with tf1.name_scope("eval"):
        correct = tf.nn.in_top_k(predictions=logits, targets=y, k=1)
        accuracy = tf.reduce_mean(tf.cast(correct, tf.float32), name="accuracy")
    for important in (x, y, accuracy, training):
        tf1.add_to_collection("my_important_ops", important)
    return Net(x, y, logits, accuracy)


def save(graph: tf.Graph, net: Net, weights: Mapping[str, np.ndarray], test: Digits, out: Path) -> float:
    """Write the checkpoint and `test.npz` (16 inputs and their logits); return the accuracy on `test`."""
    images, labels = test
    with graph.as_default(), tf1.Session() as session:
        saver = tf1.train.Saver()
        session.run(tf1.global_variables_initializer())
        for variable in tf1.trainable_variables():
            variable.load(weights[variable.op.name], session)
        saver.save(session, str(out / "model.ckpt"), write_state=False)
        outputs = session.run(net.logits, {net.x: images[:16]})
        np.savez_compressed(out / "test.npz", inputs=images[:16], outputs=outputs)
        return float(session.run(net.accuracy, {net.x: images, net.y: labels}))


def main() -> None:
    """Pretrain on all training images of digits 0-4 and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mnist", type=Path, help="a local mnist.npz (default: keras.datasets.mnist)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mnist = read_mnist(options.mnist)
    np.savez_compressed(options.out / "digits-5-9.npz", **small_task(mnist))
    # The graph comes first: pretraining turns determinism on, which would split the loss into other operations.
    with tf.Graph().as_default() as graph:
        net = build(options.seed)
    weights = pretrain(*digits_0_to_4(mnist["x_train"], mnist["y_train"]), seed=options.seed)
    test = digits_0_to_4(mnist["x_test"], mnist["y_test"])
    print(f"accuracy on the test images of digits 0-4: {save(graph, net, weights, test, options.out):.4f}")


if __name__ == "__main__":
    main()
