"""Training images changed at random by Keras layers, inside a compiled training step or before the feature cache.

The layers act on prepared images. Those that change colours need to know what is black and what is white: for them
the card's factor and offset are undone, so that raw 0 is 0 and the raw dtype's largest number is 1, and then done
again. What is drawn depends on the seed and the step (or the sample and the view) alone: the layers' generators are
set before each use. XLA has neither transforms of images nor a gamma distribution (TensorFlow 2.21): a training step
with `crop`, `rotate` or `mixup` is not to be compiled by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.augment import Augment
from transfer.data.dataset import Array
from transfer.plan.combining import MIXED

SEEDS = 2**31 - 1  # TensorFlow takes seeds of two such numbers
MOST_VIEWS = 1000
DRAWS = 16  # more than a layer draws at once


def moving(augment: Augment) -> list[Any]:
    """Return the layers that move pixels, in their order."""
    here = keras.layers
    edge = {"fill_mode": "reflect", "data_format": "channels_last", "dtype": "float32"}
    found: list[Any] = []
    if augment.flip:
        found.append(here.RandomFlip("horizontal", data_format="channels_last", dtype="float32"))
    if augment.rotate:
        found.append(here.RandomRotation(augment.rotate / 360, **edge))
    if augment.crop:
        found.append(here.RandomZoom((-augment.crop, 0.0), **edge))
        found.append(here.RandomTranslation(augment.crop / 2, augment.crop / 2, **edge))
    return found


def colouring(augment: Augment, channels: int) -> list[Any]:
    """Return the layers that change colours of 0 to 1, in their order."""
    share, here = augment.color, keras.layers
    if not share:
        return []
    found = [here.RandomBrightness(share, (0.0, 1.0), dtype="float32"),
             here.RandomContrast(share, (0.0, 1.0), dtype="float32")]  # fmt: skip
    if channels == 3:  # 0.5 leaves the saturation as it is, and the range is the saturation's own
        factor = (0.5 - share / 4, 0.5 + share / 4)
        found.append(here.RandomSaturation(factor, (0.0, 1.0), data_format="channels_last", dtype="float32"))
    return found


class Augmenter:
    """What an `Augment` says, for one model's samples.

    Calling it gives a training step's samples and labels: `augmenter(images, labels, step)`.
    """

    def __init__(
        self,
        augment: Augment,
        shape: Sequence[int | None],
        how: Preprocessing | None = None,
        *,
        seed: int = 0,
        classes: int = 0,
    ) -> None:
        """Make the layers.

        Args:
            augment: what to change.
            shape: one prepared sample's.
            how: the card's preprocessing, which says what image a flat sample is, and what its range is.
            seed: of all that is drawn.
            classes: how many there are, where labels are whole numbers that `mixup` has to mix.

        Raises:
            ZooError: the samples are no images, or colours are to change and their range is not known.
        """
        self.augment, self.how, self.seed, self.classes = augment, how, seed, classes
        self.image = _image(tuple(shape), how)
        if augment.color and (how is None or 0 in np.atleast_1d(how.scale)):
            raise ZooError(
                "--augment color cannot be applied: the model's card does not say what range its input has",
                "leave color out, or state the preprocessing: zoo import ... --preprocess 'scale=1/255'",
            )
        self.moving = moving(augment)
        self.colouring = colouring(augment, self.image[-1])
        self.mixing = keras.layers.MixUp(augment.mixup, dtype="float32") if augment.mixup else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process, where it draws the same."""
        return _made, (self.augment, self.image, self.how, self.seed, self.classes)

    def __call__(self, images: Any, labels: Any, step: Any) -> tuple[Any, Any]:
        """Return a step's samples, changed, and their labels; the same for the same seed and step.

        Args:
            images: prepared, `(n, *shape) float32`.
            labels: `(n, ...)`; with `mixup` whole numbers `(n,)` become `(n, classes) float32`.
            step: its number, a scalar.
        """
        changed = self._changed(images, self.seed, tf.cast(step, "int64"))
        if self.mixing is None:
            return changed, labels
        _set(self.mixing, self.seed, len(self._layers), tf.cast(step, "int64"))
        as_images = tf.reshape(changed, (-1, *self.image))
        mixed = self.mixing({"images": as_images, "labels": self._soft(labels)}, training=True)
        return tf.reshape(mixed["images"], tf.shape(images)), tf.reshape(mixed["labels"], self._mixed(labels))

    def view(self, x: Array, number: int, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return a recorded version of samples, which depends on each one's key and the view's number alone.

        Args:
            x: prepared samples `(n, *shape) float32`.
            number: of the view; 0 is the samples themselves.
            keys: a number for each sample `(n,)`, such as its row, or the beginning of its digest.

        Raises:
            ZooError: `mixup` is asked for, which changes labels.
        """
        if self.augment.mixup:
            raise ZooError(*MIXED)
        if number == 0 or not self._layers:
            return np.asarray(x, np.float32)
        found: NDArray[np.float32] = self._recorded(
            tf.constant(x, tf.float32), tf.constant(number, tf.int64), tf.constant(np.asarray(keys, np.int64))
        ).numpy()
        return found

    @cached_property
    def _recorded(self) -> Any:
        def one(given: tuple[Any, Any], number: Any) -> Any:
            sample, key = given
            return self._changed(sample[tf.newaxis], self.seed * MOST_VIEWS + number, key)[0]

        def every(x: Any, number: Any, keys: Any) -> Any:
            spec = tf.TensorSpec(x.shape[1:], tf.float32)
            return tf.map_fn(
                lambda given: one(given, number), (x, keys), parallel_iterations=1, fn_output_signature=spec
            )

        return tf.function(every, autograph=False, reduce_retracing=True)

    @property
    def _layers(self) -> list[Any]:
        return [*self.moving, *self.colouring]

    def _changed(self, x: Any, seed: Any, key: Any) -> Any:
        images = tf.reshape(x, (-1, *self.image))
        for place, layer in enumerate(self._layers):
            _set(layer, seed, place, key)
        for layer in self.moving:
            images = layer(images, training=True)
        if self.colouring:
            images = self._coloured(images)
        return tf.reshape(images, tf.shape(x))

    def _coloured(self, images: Any) -> Any:
        """Change colours of 0 to 1: what the card's factor and offset make of the raw range is undone, and redone."""
        assert self.how is not None
        white = np.iinfo(self.how.dtype).max
        factor = np.asarray(self.how.scale, np.float32) * np.float32(white)
        offset = np.asarray(self.how.offset, np.float32)
        raw = (-1, *self.how.shape)
        images = tf.reshape((tf.reshape(images, raw) - offset) / factor, (-1, *self.image))
        for layer in self.colouring:
            images = layer(images, training=True)
        return tf.reshape(tf.reshape(images, raw) * factor + offset, (-1, *self.image))

    def _soft(self, labels: Any) -> Any:
        """Return labels that can be mixed, `(n, m) float32`."""
        if labels.dtype.is_integer and self.classes:
            return tf.one_hot(labels, self.classes, dtype=tf.float32)
        return tf.reshape(tf.cast(labels, tf.float32), (tf.shape(labels)[0], -1))

    def _mixed(self, labels: Any) -> Any:
        return (-1, self.classes) if labels.dtype.is_integer and self.classes else tf.shape(labels)


def _made(augment: Augment, shape: Sequence[int], how: Preprocessing | None, seed: int, classes: int) -> Augmenter:
    return Augmenter(augment, shape, how, seed=seed, classes=classes)


def _set(layer: Any, seed: Any, place: int, key: Any) -> None:
    """Set a layer's generator: what it draws next depends on these numbers alone."""
    first = (tf.cast(seed, "int64") * 1_000_003 + place * 7_919) % SEEDS
    state = layer.generator.state
    state.assign(tf.cast(tf.stack([first, (key * DRAWS) % SEEDS]), state.dtype))


def _image(shape: tuple[int | None, ...], how: Preprocessing | None) -> tuple[int, int, int]:
    """Return height, width and channels of what samples of a shape are."""
    known = how.shape if how is not None else tuple(size for size in shape if size is not None)
    if len(known) not in (2, 3):
        sizes = ", ".join("?" if size is None else str(size) for size in shape)
        raise ZooError(
            f"--augment changes images; the model takes samples of shape ({sizes}), and its card names no other",
            "leave --augment out, or state the raw shape: zoo import ... --preprocess 'shape=28x28'",
        )
    return known[0], known[1], known[2] if len(known) == 3 else 1
