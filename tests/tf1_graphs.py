"""TensorFlow 1 graphs as programs of 2016 to 2019 built them, saved as checkpoints for the importer's tests.

`tf.layers` is gone from TensorFlow, so its layers are written out here operation by operation, with its names: a
variable scope for the variables, a name scope of the same name for the operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
Build = Callable[[], None]


@contextmanager
def control_flow(version: int) -> Iterator[None]:
    """Build conditionals as `Switch` and `Merge` (1) or as `If` (2)."""
    (tf1.enable_control_flow_v2 if version == 2 else tf1.disable_control_flow_v2)()
    try:
        yield
    finally:
        tf1.enable_control_flow_v2()


def save(build: Build, folder: Path, *, resource: bool = False, flow: int = 1, name: str = "model.ckpt") -> Path:
    """Build a graph, give its variables random values, and save it; return the prefix."""
    with tf.Graph().as_default(), control_flow(flow), tf1.variable_scope("", use_resource=resource):
        tf1.set_random_seed(0)
        build()
        saver = tf1.train.Saver()
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            _stir(session)
            saver.save(session, str(folder / name), write_state=False)
    return folder / name


def _stir(session: Any) -> None:
    """Move every float32 variable off its initial value, as training would."""
    draws = np.random.default_rng(0)
    for variable in tf1.global_variables():
        if variable.dtype.base_dtype == tf.float32:
            positive = "variance" in variable.name
            noise = draws.uniform(0.5, 1.5, variable.shape) if positive else draws.normal(0, 0.3, variable.shape)
            start = 0 if positive else session.run(variable)
            variable.load((start + noise).astype(np.float32), session)


def run(prefix: Path, output: str, fed: dict[str, Any]) -> np.ndarray:
    """Restore a checkpoint the way TensorFlow 1 does and evaluate a tensor."""
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.train.import_meta_graph(f"{prefix}.meta").restore(session, str(prefix))
        return session.run(output, fed)


def variable(name: str, shape: tuple[int, ...], *, trainable: bool = True, start: float | None = None) -> tf.Tensor:
    initializer = None if start is None else tf1.constant_initializer(start)
    return tf1.get_variable(name, shape, initializer=initializer, trainable=trainable)


def dense(x: tf.Tensor, units: int, name: str, activation: Callable[..., tf.Tensor] | None = None) -> tf.Tensor:
    """`tf.layers.dense`."""
    with tf1.variable_scope(name):
        z = tf.nn.bias_add(tf.matmul(x, variable("kernel", (x.shape[-1], units))), variable("bias", (units,), start=0))
        return activation(z) if activation else z


def conv2d(x: tf.Tensor, filters: int, size: int, name: str, activation: Any = None, **options: Any) -> tf.Tensor:
    """`tf.layers.conv2d`."""
    with tf1.variable_scope(name):
        kernel = variable("kernel", (size, size, x.shape[-1], filters))
        options = {"strides": 1, "padding": "SAME", **options}
        z = tf.nn.bias_add(tf.nn.conv2d(x, kernel, **options), variable("bias", (filters,), start=0))
        return activation(z) if activation else z


def batch_normalization(
    x: tf.Tensor, training: tf.Tensor, name: str, momentum: float = 0.9, *, scale: bool = True, center: bool = True
) -> tf.Tensor:
    """`tf.layers.batch_normalization`, unfused, with its update operations in their collection."""
    with tf1.variable_scope(name):
        size = (x.shape[-1],)
        gamma = variable("gamma", size, start=1) if scale else None
        beta = variable("beta", size, start=0) if center else None
        moving = [variable("moving_mean", size, trainable=False, start=0)]
        moving.append(variable("moving_variance", size, trainable=False, start=1))
        batch = tf.nn.moments(x, list(range(len(x.shape) - 1)))
        mean, variance = (tf1.cond(training, lambda b=b: b, lambda m=m: m) for b, m in zip(batch, moving, strict=True))
        for old, new in zip(moving, batch, strict=True):
            kept = tf1.cond(training, lambda: tf.constant(momentum), lambda: tf.constant(1.0))
            moved = tf1.assign_sub(old, (old - new) * (1 - kept))
            tf1.add_to_collection(tf1.GraphKeys.UPDATE_OPS, moved)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.001, name="batchnorm")


def fused_batch_normalization(x: tf.Tensor, training: tf.Tensor, name: str, momentum: float = 0.9) -> tf.Tensor:
    """`tf.layers.batch_normalization` on images: the fused operation, once for each way."""
    with tf1.variable_scope(name):
        size = (x.shape[-1],)
        gamma, beta = variable("gamma", size, start=1), variable("beta", size, start=0)
        mean = variable("moving_mean", size, trainable=False, start=0)
        variance = variable("moving_variance", size, trainable=False, start=1)
        y, batch_mean, batch_variance = tf1.cond(
            training,
            lambda: tf1.nn.fused_batch_norm(x, gamma, beta, epsilon=0.001, is_training=True)[:3],
            lambda: tf1.nn.fused_batch_norm(x, gamma, beta, mean, variance, 0.001, is_training=False)[:3],
        )
        kept = tf1.cond(training, lambda: tf.constant(momentum), lambda: tf.constant(1.0))
        for old, new in ((mean, batch_mean), (variance, batch_variance)):
            tf1.add_to_collection(tf1.GraphKeys.UPDATE_OPS, tf1.assign_sub(old, (old - new) * (1.0 - kept)))
        return y


def old_dropout(x: tf.Tensor, keep_prob: Any) -> tf.Tensor:
    """`tf.nn.dropout` until TensorFlow 1.12."""
    with tf1.name_scope("dropout"):
        keep = tf.convert_to_tensor(keep_prob, tf.float32, name="keep_prob")
        mask = tf.floor(keep + tf1.random_uniform(tf.shape(x)))
        dropped = tf.divide(x, keep) * mask
        dropped.set_shape(x.shape)
        return dropped


def new_dropout(x: tf.Tensor, rate: float) -> tf.Tensor:
    """`tf.nn.dropout` of TensorFlow 1.13 to 1.15."""
    with tf1.name_scope("dropout"):
        held = tf.convert_to_tensor(rate, tf.float32, name="rate")
        scale = 1 / (1 - held)
        return x * scale * tf.cast(tf1.random_uniform(tf.shape(x)) >= held, tf.float32)


def switched(x: tf.Tensor, training: tf.Tensor, drop: Callable[[], tf.Tensor], name: str = "dropout") -> tf.Tensor:
    """`tf.layers.dropout`: dropout in training, else the input."""
    with tf1.name_scope(name):
        return tf1.cond(training, drop, lambda: tf.identity(x))


def image(*shape: int | None, name: str = "X") -> tf.Tensor:
    return tf1.placeholder(tf.float32, (None, *shape), name=name)


def finish(logits: tf.Tensor, y: tf.Tensor, optimizer: Any = None) -> None:
    """Loss, training and evaluation as the textbook has them."""
    with tf1.name_scope("loss"):
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        loss = tf.reduce_mean(entropy, name="loss")
    with tf1.name_scope("train"):
        (optimizer or tf1.train.MomentumOptimizer(0.01, 0.9)).minimize(loss, name="training_op")
    with tf1.name_scope("eval"):
        correct = tf.nn.in_top_k(predictions=logits, targets=y, k=1)
        tf.reduce_mean(tf.cast(correct, tf.float32), name="accuracy")


def labels() -> tf.Tensor:
    return tf1.placeholder(tf.int64, (None,), name="y")


def textbook() -> None:
    """Five ELU layers in a name scope, Adam."""
    x, y = image(20), labels()
    with tf1.name_scope("dnn"):
        hidden = x
        for number in range(1, 6):
            hidden = dense(hidden, 8, f"hidden{number}", tf.nn.elu)
        logits = dense(hidden, 5, "outputs")
    finish(logits, y, tf1.train.AdamOptimizer(0.01))


def normalised() -> None:
    """Batch normalisation and dropout, switched by a placeholder with a default."""
    x, y = image(12), labels()
    training = tf1.placeholder_with_default(False, shape=(), name="training")
    with tf1.name_scope("dnn"):
        dropped = switched(x, training, lambda: old_dropout(x, 0.7))
        hidden1 = dense(dropped, 10, "hidden1")
        bn1 = tf.nn.elu(batch_normalization(hidden1, training, "bn1", 0.9))
        hidden2 = dense(bn1, 8, "hidden2")
        bn2 = tf.nn.elu(batch_normalization(hidden2, training, "bn2", 0.8, scale=False))
        logits = dense(bn2, 4, "outputs")
    finish(logits, y)


def averaging(heads: int = 1) -> None:
    """Batch normalisation that moves its averages inside the conditional, and one loss or several."""
    x, y = image(12), labels()
    training = tf1.placeholder_with_default(False, (), "training")
    hidden = dense(x, 10, "hidden")
    with tf1.variable_scope("bn"):
        mean = variable("moving_mean", (10,), trainable=False, start=0)
        variance = variable("moving_variance", (10,), trainable=False, start=1)

        def moved() -> tuple[tf.Tensor, tf.Tensor]:
            now = tf.nn.moments(hidden, [0])
            kept = [tf1.assign(old, old * 0.9 + new * 0.1) for old, new in zip((mean, variance), now, strict=True)]
            with tf.control_dependencies(kept):
                return tf.identity(now[0]), tf.identity(now[1])

        statistics = tf1.cond(training, moved, lambda: (tf.identity(mean), tf.identity(variance)))
        gamma, beta = variable("gamma", (10,), start=1), variable("beta", (10,), start=0)
        normed = tf.nn.relu(tf.nn.batch_normalization(hidden, *statistics, beta, gamma, 0.001))
    for number in range(heads):
        logits = dense(normed, 4, f"outputs{number or ''}")
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)


def two_losses() -> None:
    """Two heads, a loss for each."""
    averaging(2)


def leaky() -> None:
    """Leaky ReLU in both orders."""
    x, y = image(12), labels()
    with tf1.name_scope("dnn"):
        z = dense(x, 10, "hidden1")
        a = tf.maximum(0.01 * z, z)
        w = dense(a, 10, "hidden2")
        logits = dense(tf.maximum(w, w * 0.2), 3, "outputs")
    finish(logits, y)


def convolutional() -> None:
    """Convolutions, pooling, fused batch normalisation, flatten by reshape."""
    x, y = image(8, 8, 2), labels()
    training = tf1.placeholder(tf.bool, name="is_training")
    conv1 = conv2d(x, 4, 3, "conv1", tf.nn.relu)
    bn = fused_batch_normalization(conv1, training, "bn", 0.95)
    pool1 = tf.nn.max_pool2d(bn, 2, 2, "VALID", name="pool1")
    conv2 = conv2d(pool1, 6, 3, "conv2", tf.nn.relu6, strides=2)
    pool2 = tf.nn.avg_pool2d(conv2, 2, 1, "SAME", name="pool2")
    flat = tf.reshape(pool2, [-1, 2 * 2 * 6], name="flat")
    fc1 = dense(flat, 7, "fc1", tf.nn.relu)
    dropped = switched(fc1, training, lambda: new_dropout(fc1, 0.4), "fc1_drop")
    finish(dense(dropped, 3, "outputs"), y)


def residual() -> None:
    """Two branches that meet, global average pooling, a flatten from the input's own size."""
    x, y = image(6, 6, 3), labels()
    padded = tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]])
    stem = conv2d(padded, 4, 3, "stem", tf.nn.relu, padding="VALID")
    branch = conv2d(stem, 4, 3, "branch", tf.nn.relu)
    other = conv2d(stem, 4, 1, "shortcut")
    both = tf.nn.relu(tf.add(branch, other, name="sum"), name="sum_relu")
    wide = tf.concat([both, stem], 3)
    pooled = tf.reduce_mean(wide, [1, 2], name="gap")
    turned = tf.transpose(wide, [0, 2, 1, 3])
    flat = tf.reshape(turned, tf.stack([tf.shape(turned)[0], 6 * 8 * 8]), name="flat")
    finish(dense(pooled, 3, "low") + dense(flat, 3, "high"), y)


def kept() -> None:
    """The keep_prob placeholder of the 2016 tutorials, and variables without scopes."""
    x, y = image(9, name="x"), tf1.placeholder(tf.float32, (None, 3), name="y_")
    keep_prob = tf1.placeholder(tf.float32, name="keep_prob")
    w1, b1 = variable("W1", (9, 6)), variable("b1", (6,), start=0)
    hidden = tf.nn.relu(tf.matmul(x, w1) + b1)
    w2, b2 = variable("W2", (6, 3)), variable("b2", (3,), start=0)
    probabilities = tf.nn.softmax(tf.matmul(old_dropout(hidden, keep_prob), w2) + b2)
    entropy = tf.reduce_mean(-tf.reduce_sum(y * tf1.log(probabilities), axis=[1]))
    tf1.train.GradientDescentOptimizer(0.5).minimize(entropy)
    tf.reduce_mean(tf.cast(tf.equal(tf.argmax(probabilities, 1), tf.argmax(y, 1)), tf.float32))


def kept_now() -> None:
    """The same placeholder, from which TensorFlow 2's `tf.compat.v1.nn.dropout` makes the rate."""
    x, keep_prob = image(9), tf1.placeholder(tf.float32, (), name="keep_prob")
    dense(tf1.nn.dropout(dense(x, 6, "hidden", tf.nn.relu), keep_prob), 3, "outputs")


def several() -> None:
    """Two inputs, of which the first branch needs one."""
    x, z = image(5, name="X"), image(4, name="Z")
    left = dense(x, 6, "left", tf.nn.tanh)
    right = dense(z, 6, "right", tf.nn.tanh)
    dense(left + right, 2, "outputs")


def custom() -> None:
    """Operations that Keras has no layer for, one with a variable of its own."""
    x, y = image(6, 6, 2), labels()
    conv = conv2d(x, 4, 3, "conv", tf.nn.relu)
    lrn = tf.nn.lrn(conv, 2, bias=1.0, alpha=0.001, beta=0.75, name="lrn")
    flat = tf.reshape(lrn, [-1, 144])
    with tf1.variable_scope("attend"):
        scale = variable("scale", (144,))
        sums = tf.cumsum(flat * tf.sigmoid(scale), axis=1)
    with tf1.name_scope("l2"):
        unit = sums / tf.sqrt(tf.reduce_sum(tf.square(sums), 1, keepdims=True) + 1e-6)
    finish(dense(unit, 3, "outputs"), y)


def sequence() -> None:
    """One-dimensional convolution and a dense layer on three axes, as tf.layers wrote them."""
    x, y = image(10, 4), labels()
    with tf1.variable_scope("conv1d"):
        z = tf.nn.conv1d(x, variable("kernel", (3, 4, 6)), 1, "SAME")
        z = tf.nn.relu(tf.nn.bias_add(z, variable("bias", (6,), start=0)))
    with tf1.variable_scope("each"):
        z = tf.nn.bias_add(tf.tensordot(z, variable("kernel", (6, 5)), [[2], [0]]), variable("bias", (5,), start=0))
    finish(dense(tf.reduce_max(z, 1), 3, "outputs"), y)


def depthwise() -> None:
    """Depthwise, separable and dilated convolutions."""
    x, y = image(8, 8, 3), labels()
    with tf1.variable_scope("dw"):
        z = tf.nn.depthwise_conv2d(x, variable("depthwise_kernel", (3, 3, 3, 2)), [1, 1, 1, 1], "SAME")
        z = tf.nn.relu(tf.nn.bias_add(z, variable("bias", (6,), start=0)))
    with tf1.variable_scope("sep"):
        kernels = variable("depthwise_kernel", (3, 3, 6, 1)), variable("pointwise_kernel", (1, 1, 6, 4))
        z = tf.nn.separable_conv2d(z, *kernels, [1, 1, 1, 1], "VALID")
        z = tf.nn.bias_add(z, variable("bias", (4,), start=0))
    with tf1.variable_scope("dilated"):
        z = tf.nn.conv2d(z, variable("kernel", (3, 3, 4, 4)), 1, "SAME", dilations=2)
    with tf1.variable_scope("atrous"):
        z = tf.nn.atrous_conv2d(z, variable("kernel", (3, 3, 4, 4)), 2, "SAME")
    finish(dense(tf.reduce_max(z, [1, 2]), 3, "outputs"), y)


def split() -> None:
    """An operation with several outputs, read by different layers, and one kernel used twice."""
    x, y = image(8), labels()
    hidden = dense(x, 8, "hidden", tf.nn.relu)
    with tf1.variable_scope("halves"):
        left, right = tf.split(hidden, 2, 1)
    with tf1.variable_scope("tied"):
        kernel = variable("kernel", (4, 4))
        both = tf.tanh(tf.matmul(left, kernel)) * tf.sigmoid(tf.matmul(right, kernel, transpose_b=True))
    finish(dense(both, 3, "outputs"), y)


def always() -> None:
    """Dropout that the graph never turns off."""
    x, y = image(8), labels()
    finish(dense(old_dropout(dense(x, 8, "hidden", tf.nn.relu), 0.5), 3, "outputs"), y)


def autoencoder() -> None:
    """A loss that compares the output with the input."""
    x = image(8)
    outputs = dense(dense(x, 3, "hidden", tf.nn.elu), 8, "outputs")
    tf1.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(tf.square(outputs - x)))


def inference() -> None:
    """No loss; a fixed batch; an output that a softmax and an identity end."""
    x = tf1.placeholder(tf.float32, (4, 2, 3), name="X")
    logits = dense(tf.reshape(x, [4, 6]), 3, "outputs")
    tf.identity(tf.nn.softmax(logits), name="final_result")


def twins() -> None:
    """Two heads and no loss."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    dense(hidden, 2, "age")
    dense(hidden, 3, "name")


def two_inputs() -> None:
    """An output that needs both inputs."""
    finish(dense(tf.concat([image(5, name="X"), image(4, name="Z")], 1), 3, "outputs"), labels())


def whole_numbers() -> None:
    """Images as bytes, cast inside the graph."""
    x, y = tf1.placeholder(tf.uint8, (None, 6), name="X"), labels()
    finish(dense(tf.cast(x, tf.float32, name="floats") / 255.0, 3, "outputs"), y)


def looping() -> None:
    """A while loop between two layers."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    _, turned = tf1.while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, tf.tanh(h)), (0, hidden))
    dense(turned, 3, "outputs")


def conditional() -> None:
    """A conditional on the data."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    chosen = tf1.cond(tf.reduce_sum(hidden) > 0, lambda: tf.tanh(hidden), lambda: tf.sigmoid(hidden))
    dense(chosen, 3, "outputs")


def reading() -> None:
    """A file that the graph reads into the net."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    number = tf.strings.to_number(tf.io.read_file("/etc/hostname", name="steal"))
    dense(hidden + number, 3, "outputs")


def calling() -> None:
    """Python code inside the net."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    called = tf1.py_func(lambda a: a, [hidden], tf.float32, name="call")
    called.set_shape(hidden.shape)
    dense(called, 3, "outputs")


def random() -> None:
    """Noise that nothing turns off."""
    hidden = dense(image(4), 4, "hidden", tf.nn.relu)
    dense(hidden + tf1.random_normal(tf.shape(hidden), name="noise"), 3, "outputs")


def partitioned() -> None:
    """A kernel kept in two parts."""
    x, y = image(8), labels()
    with tf1.variable_scope("hidden", partitioner=tf1.fixed_size_partitioner(2)):
        kernel = tf1.get_variable("kernel", (8, 6))
    with tf1.variable_scope("hidden"):
        z = tf.nn.bias_add(tf.matmul(x, tf.convert_to_tensor(kernel)), variable("bias", (6,), start=0))
    finish(dense(tf.nn.relu(z), 3, "outputs"), y)


def signed(folder: Path) -> Path:
    """A graph that names its ends by a signature; return the prefix."""
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        x = image(4, name="images")
        probabilities = tf.nn.softmax(dense(dense(x, 4, "hidden", tf.nn.relu), 3, "outputs"), name="probabilities")
        session.run(tf1.global_variables_initializer())
        saver = tf1.train.Saver()
        saver.save(session, str(folder / "model.ckpt"), write_meta_graph=False, write_state=False)
        meta = tf1.train.export_meta_graph(saver_def=saver.as_saver_def())
        build = tf1.saved_model.signature_def_utils.predict_signature_def
        meta.signature_def["serving_default"].CopyFrom(build({"images": x}, {"probabilities": probabilities}))
        (folder / "model.ckpt.meta").write_bytes(meta.SerializeToString())
    return folder / "model.ckpt"


def counted() -> None:
    """A whole number that is a variable, in a formula of its own."""
    x, y = image(4), labels()
    with tf1.variable_scope("steps"):
        count = tf1.get_variable("count", (), tf.int32, tf1.constant_initializer(3), trainable=False)
        z = tf.cumsum(x, axis=1) * tf.cast(count, tf.float32)
    finish(dense(z, 3, "outputs"), y)
