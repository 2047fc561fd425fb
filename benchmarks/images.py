"""Drawn images, and a MobileNetV2 with random weights that can tell them apart."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

CLASSES = 10


def two_colours(n: int, side: int, jitter: float = 9.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw images `(n, side, side, 3) uint8` that pass from one of their class's two colours to the other.

    Args:
        n: how many.
        side: pixels.
        jitter: the deviation of an image's colours from its class's.
        seed: of all of it.

    Returns:
        The images, and their classes `(n,) int64`.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n) % CLASSES)
    colours = random.uniform(60, 195, (CLASSES, 2, 3))[labels] + random.normal(size=(n, 2, 3)) * jitter
    along = np.linspace(0, 1, side)
    way = (along[:, None] / 2 + along / 2)[..., None]
    images = np.empty((n, side, side, 3), np.uint8)
    for image, (first, last) in zip(images, colours, strict=True):
        image[:] = np.clip(first + (last - first) * way, 0, 255)
    return images, labels.astype(np.int64)


def mobilenet(side: int, images: np.ndarray) -> Any:
    """Make a MobileNetV2 with seeded random weights, whose normalisation has some images' statistics.

    Without them the numbers fade to nothing on their way through 52 layers.
    """
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2((side, side, 3), weights=None, classes=CLASSES, classifier_activation=None)
    normalising = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    usual = normalising[0].momentum
    for layer in normalising:
        layer.momentum = 0.0
    model(images, training=True)
    for layer in normalising:
        layer.momentum = usual
    return model
