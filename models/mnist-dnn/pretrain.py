"""Pretraining of mnist-dnn on the digits 0-4: warped views, and two further tasks that keep the features rich.

A classifier of five digits alone needs few features, and drops what other digits differ by. So `hidden3` also has
to say, on images that are no digits 0-4 as such, which parts they are made of and how they are turned, and to
reconstruct them as they were before the warp. Both heads are dropped after training.
"""

import math
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 5
HIDDEN = (300, 50, 50, 50, 50)
TURNS = 8  # quarter turns, each mirrored or not

EPOCHS = 150
BATCH = 256
RATE = 2e-3
WEIGHT_DECAY = 1e-4
AVERAGING = 0.999  # of the weights, per step
ERROR_SCALE = 50.0  # squared error of a whole image that counts as much as one nat

ROTATION = 20.0  # degrees; this and the next three are the largest, either way
LOG_SCALE = 0.2
SHEAR = 0.25
SHIFT = 3.0  # pixels


def uniform(shape: tuple[int, ...], limit: float) -> tf.Tensor:
    """Uniform in [-limit, limit]."""
    return tf.random.uniform(shape, -limit, limit)


def matrix(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, d: tf.Tensor) -> tf.Tensor:
    """(n, 2, 2) with rows `a b` and `c d`, each (n,)."""
    return tf.stack([tf.stack([a, b], -1), tf.stack([c, d], -1)], 1)


def random_linear(n: int) -> tf.Tensor:
    """(n, 2, 2): small rotations times small scalings and shears."""
    angle, shear = uniform((n,), ROTATION * math.pi / 180), uniform((n,), SHEAR)
    width, height = tf.exp(uniform((n,), LOG_SCALE)), tf.exp(uniform((n,), LOG_SCALE))
    cos, sin = tf.cos(angle), tf.sin(angle)
    return matrix(cos, -sin, sin, cos) @ matrix(width, shear, tf.zeros(n), height)


def turn_linear(turn: tf.Tensor) -> tf.Tensor:
    """(n, 2, 2) for the turns (n,) in 0..7: `turn % 4` quarter turns, mirrored from 4 on."""
    angle = tf.cast(turn % 4, tf.float32) * (math.pi / 2)
    cos, sin = tf.round(tf.cos(angle)), tf.round(tf.sin(angle))
    mirror = 1.0 - 2.0 * tf.cast(turn // 4, tf.float32)
    return matrix(cos * mirror, -sin, sin * mirror, cos)


def warp(images: tf.Tensor, linear: tf.Tensor, shift: tf.Tensor | float) -> tf.Tensor:
    """Images (n, 784) read at `linear @ (position - centre) + centre + shift`, bilinear, 0 outside."""
    centre = (SIDE - 1) / 2
    offset = centre - tf.reduce_sum(linear, -1) * centre + shift
    rows = tf.concat([linear, offset[:, :, None]], -1)
    transforms = tf.pad(tf.reshape(rows, (-1, 6)), [[0, 0], [0, 2]])
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.reshape(images, (-1, SIDE, SIDE, 1)),
        transforms=transforms,
        output_shape=(SIDE, SIDE),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.reshape(warped, (BATCH, PIXELS))


def random_view(images: tf.Tensor) -> tf.Tensor:
    """Each image slightly rotated, scaled, sheared and shifted."""
    return warp(images, random_linear(BATCH), uniform((BATCH, 2), SHIFT))


def random_sides() -> tf.Tensor:
    """Masks (n, 784): one side of a random line near the centre; for half of the images, everything."""
    angle, distance = uniform((BATCH, 1), math.pi), uniform((BATCH, 1), 2.0)
    position = tf.range(SIDE, dtype=tf.float32) - (SIDE - 1) / 2
    x, y = (tf.reshape(part, (1, PIXELS)) for part in tf.meshgrid(position, position, indexing="ij"))
    side = tf.cos(angle) * x + tf.sin(angle) * y > distance
    return side | (tf.random.uniform((BATCH, 1)) < 0.5)


def random_parts(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turned images, half of them put together from two digits, and the classes (2, n) int64 of both parts.

    A class is the digit and the turn: `digit * 8 + turn`. An image of one digit has its class twice.
    """
    sides = random_sides()
    other = tf.random.shuffle(tf.range(BATCH))
    mixed = tf.where(sides, images, tf.gather(images, other))
    other_labels = tf.where(tf.reduce_all(sides, -1), labels, tf.gather(labels, other))
    turn = tf.random.uniform((BATCH,), 0, TURNS, tf.int64)
    return warp(mixed, turn_linear(turn), 0.0), tf.stack([labels, other_labels]) * TURNS + turn


def build_model() -> keras.Model:
    """Images -> logits (n, 5); on `hidden3`, logits of both parts (n, 40) each, and the image (n, 784)."""
    inputs = keras.Input((PIXELS,))
    hidden = [inputs]
    for number, units in enumerate(HIDDEN, start=1):
        layer = keras.layers.Dense(units, "elu", kernel_initializer="he_normal", name=f"hidden{number}")
        hidden.append(layer(hidden[-1]))
    logits = keras.layers.Dense(CLASSES, name="outputs")(hidden[-1])
    heads = [keras.layers.Dense(units)(hidden[3]) for units in (CLASSES * TURNS, CLASSES * TURNS, PIXELS)]
    return keras.Model(inputs, [logits, *heads])


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean softmax cross-entropy in nats."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def total_loss(model: keras.Model, view: tf.Tensor, labels: tf.Tensor, parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Digit of `view`, plus both parts and the unwarped image of `parts = (view, classes, image)`."""
    parts_view, classes, image = parts
    first, second = tf.unstack(classes)
    logits, *_ = model(view)
    _, first_logits, second_logits, reconstruction = model(parts_view)
    error = tf.reduce_mean(tf.reduce_sum(tf.square(reconstruction - image), -1)) / ERROR_SCALE
    both = (cross_entropy(first, first_logits) + cross_entropy(second, second_logits)) / 2
    return cross_entropy(labels, logits) + both + error


def build_epoch(
    model: keras.Model, optimizer: keras.Optimizer, images: tf.Tensor, labels: tf.Tensor
) -> Callable[[], tf.Tensor]:
    """A function that trains one epoch and returns the mean loss; the tail of the permutation is left out."""
    steps = len(images) // BATCH

    @tf.function(jit_compile=True)
    def step(view: tf.Tensor, digits: tf.Tensor, *parts: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = total_loss(model, view, digits, parts)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function
    def epoch() -> tf.Tensor:
        order, total = tf.random.shuffle(tf.range(len(images))), 0.0
        for start in tf.range(0, steps * BATCH, BATCH):
            rows = tf.slice(order, [start], [BATCH])
            batch, digits = tf.gather(images, rows), tf.gather(labels, rows)
            image, classes = random_parts(batch, digits)
            total += step(random_view(batch), digits, random_view(image), classes, image)
        return total / steps

    return epoch


def named_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """`scope/kernel` and `scope/bias` of the layers that are kept."""
    scopes = [f"hidden{number}" for number in range(1, len(HIDDEN) + 1)] + ["outputs"]
    return {f"{scope}/{weight.name}": weight.numpy() for scope in scopes for weight in model.get_layer(scope).weights}


def pretrain(images: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Train on images (n, 784) float32 in [0, 1] with labels (n,) int64 in 0..4; return the weights by name."""
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
