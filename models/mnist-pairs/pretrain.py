"""Pretraining of mnist-pairs: are two images the same digit? On all pairs of a batch, each image warped at random.

The joined layer is linear in what either tower gives before its ELU. So the towers run once an image, and only the few
units above them once a pair: a batch of 256 images a tower gives 65,536 pairs at the price of 256.
"""

import math
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

SIDE = 28
PIXELS = SIDE * SIDE
TOWERS = ("dnn_a", "dnn_b")
HIDDEN = (100, 100, 100, 100, 100)
JOINED = 10

EPOCHS = 60
BATCH = 256
RATE = 3e-3
WEIGHT_DECAY = 1e-4
AVERAGING = 0.999  # of the weights, per step

ROTATION = 15.0  # degrees; this and the next three are the largest, either way
LOG_SCALE = 0.15
SHEAR = 0.2
SHIFT = 2.5  # pixels

Weights = dict[str, np.ndarray]


def random_linear() -> tf.Tensor:
    """(n, 2, 2): small rotations times small scalings and shears."""
    angle, shear, wide, high = (
        tf.random.uniform((BATCH,), -limit, limit) for limit in (ROTATION * math.pi / 180, SHEAR, LOG_SCALE, LOG_SCALE)
    )
    cos, sin, none = tf.cos(angle), tf.sin(angle), tf.zeros(BATCH)
    turn, stretch = ((cos, -sin), (sin, cos)), ((tf.exp(wide), shear), (none, tf.exp(high)))
    first, second = (tf.stack([tf.stack(row, -1) for row in rows], 1) for rows in (turn, stretch))
    return first @ second


def warped(images: tf.Tensor) -> tf.Tensor:
    """Each image (n, 784) slightly rotated, scaled, sheared and shifted about its centre; bilinear, 0 outside."""
    linear, centre = random_linear(), (SIDE - 1) / 2
    offset = centre - tf.reduce_sum(linear, -1) * centre + tf.random.uniform((BATCH, 2), -SHIFT, SHIFT)
    rows = tf.reshape(tf.concat([linear, offset[:, :, None]], -1), (BATCH, 6))
    views = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.reshape(images, (BATCH, SIDE, SIDE, 1)),
        transforms=tf.pad(rows, [[0, 0], [0, 2]]),
        output_shape=(SIDE, SIDE),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.reshape(views, (BATCH, PIXELS))


def dense(units: int, name: str, activation: str | None = "elu") -> keras.layers.Dense:
    """A dense layer whose name carries its scope, `/` as `>`."""
    return keras.layers.Dense(units, activation, kernel_initializer="he_normal", name=name.replace("/", ">"))


def build_model() -> keras.Model:
    """Two images (n, 784) -> what their towers give, (n, 100) each, and the logit (n, 1) of being the same digit."""
    images = [keras.Input((PIXELS,)) for _ in TOWERS]
    given = []
    for tower, tensor in zip(TOWERS, images, strict=True):
        for number, units in enumerate(HIDDEN, start=1):
            tensor = dense(units, f"{tower}/hidden{number}")(tensor)
        given.append(tensor)
    joined = dense(JOINED, "joined")(keras.layers.Concatenate()(given))
    return keras.Model(images, [*given, dense(1, "outputs", None)(joined)])


def pair_logits(model: keras.Model, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """(n, n): the logit of each image of the first tower with each of the second."""
    a, b, _ = model([first, second])
    joined, outputs = model.get_layer("joined"), model.get_layer("outputs")
    for_a, for_b = tf.split(joined.kernel, 2)
    units = tf.nn.elu((a @ for_a)[:, None] + (b @ for_b)[None] + joined.bias)
    return tf.tensordot(units, outputs.kernel[:, 0], 1) + outputs.bias


def pair_loss(same: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean cross entropy of pairs, the same and the different ones (n, n) counting half each."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=same, logits=logits)
    alike, unlike = tf.reduce_sum(same * each), tf.reduce_sum((1 - same) * each)
    count = tf.reduce_sum(same)
    return (alike / count + unlike / (BATCH * BATCH - count)) / 2


def build_epoch(
    model: keras.Model, optimizer: keras.Optimizer, images: tf.Tensor, labels: tf.Tensor
) -> Callable[[], tf.Tensor]:
    """A function that trains one epoch, every image once in each tower but for the last part of a batch."""
    steps = len(images) // BATCH

    @tf.function(jit_compile=True)
    def step(first: tf.Tensor, second: tf.Tensor, same: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = pair_loss(same, pair_logits(model, first, second))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function
    def epoch() -> tf.Tensor:
        orders, total = [tf.random.shuffle(tf.range(len(images))) for _ in TOWERS], 0.0
        for start in tf.range(0, steps * BATCH, BATCH):
            rows = [tf.slice(order, [start], [BATCH]) for order in orders]
            first, second = (tf.gather(labels, one) for one in rows)
            same = tf.cast(first[:, None] == second[None], tf.float32)
            total += step(*(warped(tf.gather(images, one)) for one in rows), same)
        return total / steps

    return epoch


def named_weights(model: keras.Model) -> Weights:
    """`scope/kernel` and `scope/bias` of each dense layer."""
    layers = [layer for layer in model.layers if layer.weights]
    return {f"{layer.name.replace('>', '/')}/{one.name}": one.numpy() for layer in layers for one in layer.weights}


def pretrain(images: np.ndarray, labels: np.ndarray, seed: int) -> Weights:
    """Train on pairs of images (n, 784) float32 in [0, 1]; of the labels (n,) only whether two are equal is used."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = build_model()
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * (len(images) // BATCH))
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=WEIGHT_DECAY, use_ema=True, ema_momentum=AVERAGING, ema_overwrite_frequency=None
    )
    optimizer.build(model.trainable_variables)
    epoch = build_epoch(model, optimizer, tf.constant(images), tf.constant(labels))
    started = time.monotonic()
    for number in range(1, EPOCHS + 1):
        loss = float(epoch())
        print(f"epoch {number}/{EPOCHS}  loss {loss:.4f}  {time.monotonic() - started:.0f} s", flush=True)
    optimizer.finalize_variable_values(model.trainable_variables)
    return named_weights(model)
