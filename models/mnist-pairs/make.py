"""Make mnist-pairs: a TensorFlow 1 checkpoint that compares two digits, and a task of 5,000 images beside it.

    python make.py [--mnist mnist.npz] [--seed 0] [--out DIR]

Writes `model.ckpt.{meta,index,data-00000-of-00001}`, `digits.npz` and `test.npz`. The weights come from
`pretrain.py`; this file lays them out after the textbook: Geron, Hands-On Machine Learning with Scikit-Learn and
TensorFlow, first edition (2017), chapter 11, exercise 10. There the two images come stacked as one input; here each
has its own.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from pretrain import HIDDEN, JOINED, PIXELS, TOWERS, pretrain

tf1 = tf.compat.v1
SPLIT = 5_000  # the first training images of MNIST: the small task; the others are for pretraining
VALIDATION = 500  # the last of them
STORED = 16  # pairs in `test.npz`
Arrays = dict[str, np.ndarray]


class Net(NamedTuple):
    """The tensors of the graph that the script itself runs."""

    first: tf.Tensor
    second: tf.Tensor
    y: tf.Tensor
    probability: tf.Tensor
    accuracy: tf.Tensor


class Pairs(NamedTuple):
    """Images (n, 784) float32 in [0, 1] beside others, and whether they are the same digit, (n, 1) float32."""

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray


def read_mnist(path: Path | None) -> Arrays:
    """MNIST as `x_train, y_train, x_test, y_test`: images (n, 28, 28) uint8, labels (n,) uint8."""
    if path is None:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
        return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    with np.load(path) as stored:
        return {name: stored[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def small_task(mnist: Arrays) -> Arrays:
    """All ten digits: 4,500 training and 500 validation images, and MNIST's test images."""
    train, valid = slice(SPLIT - VALIDATION), slice(SPLIT - VALIDATION, SPLIT)
    parts = {"train": ("train", train), "valid": ("train", valid), "test": ("test", slice(None))}
    x = {f"x_{part}": mnist[f"x_{source}"][rows] for part, (source, rows) in parts.items()}
    return x | {f"y_{part}": mnist[f"y_{source}"][rows].astype(np.int64) for part, (source, rows) in parts.items()}


def flat(images: np.ndarray) -> np.ndarray:
    """Images (n, 784) float32 in [0, 1]."""
    return images.reshape(-1, PIXELS).astype(np.float32) / 255


def balanced_pairs(images: np.ndarray, labels: np.ndarray, seed: int) -> Pairs:
    """Each image with another one, half of them of the same digit."""
    random = np.random.default_rng(seed)
    same = np.arange(len(labels)) % 2 == 0
    others = [
        random.choice(np.flatnonzero((labels == label) == want)) for label, want in zip(labels, same, strict=True)
    ]
    return Pairs(flat(images), flat(images[others]), same[:, None].astype(np.float32))


def dense(x: tf.Tensor, units: int, name: str, seed: int) -> tf.Tensor:
    """What `tf.layers.dense(x, units, name=name)` made: variables and operations in the scope `name`."""
    he = tf1.variance_scaling_initializer(scale=2.0, mode="fan_in", seed=seed)
    with tf1.variable_scope(name, use_resource=False):
        kernel = tf1.get_variable("kernel", (x.shape[-1], units), initializer=he)
        bias = tf1.get_variable("bias", (units,), initializer=tf1.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(x, kernel, name="MatMul"), bias, name="BiasAdd")


def elu(z: tf.Tensor) -> tf.Tensor:
    """ELU of `z` as operation `Elu` beside those that made it."""
    with tf1.name_scope(f"{z.op.name.rpartition('/')[0]}/"):
        return tf.nn.elu(z, name="Elu")


def tower(x: tf.Tensor, name: str, seed: int) -> tf.Tensor:
    """One of the two nets of hidden layers."""
    with tf1.variable_scope(name):
        for number, units in enumerate(HIDDEN, start=1):
            x = elu(dense(x, units, f"hidden{number}", seed + number))
    return x


def build(seed: int) -> Net:
    """Add the textbook's net, with loss, training and evaluation, to the default graph."""
    images = [tf1.placeholder(tf.float32, (None, PIXELS), name=f"X_{name[-1]}") for name in TOWERS]
    y = tf1.placeholder(tf.float32, (None, 1), name="y")
    given = [tower(x, name, seed + 10 * place) for place, (x, name) in enumerate(zip(images, TOWERS, strict=True))]
    joined = elu(dense(tf.concat(given, axis=1, name="pair"), JOINED, "joined", seed + 30))
    logits = dense(joined, 1, "outputs", seed + 31)
    probability = tf.sigmoid(logits, name="same")
    with tf1.name_scope("loss"):
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits), name="loss")
    with tf1.name_scope("train"):
        tf1.train.GradientDescentOptimizer(learning_rate=0.01).minimize(loss, name="training_op")
    with tf1.name_scope("eval"):
        correct = tf.equal(probability > 0.5, y > 0.5)
        accuracy = tf.reduce_mean(tf.cast(correct, tf.float32), name="accuracy")
    return Net(*images, y, probability, accuracy)


def save(graph: tf.Graph, net: Net, weights: Mapping[str, np.ndarray], test: Pairs, out: Path) -> float:
    """Write the checkpoint and `test.npz` (16 pairs and what the net says); return the accuracy on `test`."""
    with graph.as_default(), tf1.Session() as session:
        saver = tf1.train.Saver()
        session.run(tf1.global_variables_initializer())
        for variable in tf1.trainable_variables():
            variable.load(weights[variable.op.name], session)
        saver.save(session, str(out / "model.ckpt"), write_state=False)
        some = {net.first: test.first[:STORED], net.second: test.second[:STORED]}
        stored = {f"inputs.{tensor.op.name}": images for tensor, images in some.items()}
        np.savez_compressed(out / "test.npz", **stored, outputs=session.run(net.probability, some))
        everything = {net.first: test.first, net.second: test.second, net.y: test.same}
        return float(session.run(net.accuracy, everything))


def main() -> None:
    """Pretrain on pairs of all but the first 5,000 training images and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mnist", type=Path, help="a local mnist.npz (default: keras.datasets.mnist)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mnist = read_mnist(options.mnist)
    np.savez_compressed(options.out / "digits.npz", **small_task(mnist))
    # The graph comes first: pretraining turns determinism on, which would split the loss into other operations.
    with tf.Graph().as_default() as graph:
        net = build(options.seed)
    images, labels = flat(mnist["x_train"][SPLIT:]), mnist["y_train"][SPLIT:].astype(np.int64)
    weights = pretrain(images, labels, seed=options.seed)
    test = balanced_pairs(mnist["x_test"], mnist["y_test"], options.seed)
    print(f"accuracy on pairs of test images: {save(graph, net, weights, test, options.out):.4f}")


if __name__ == "__main__":
    main()
