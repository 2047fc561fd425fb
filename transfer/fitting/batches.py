"""Samples in batches inside a compiled loop: constants in memory, or rows of a file; and sums over steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.features import Features
from transfer.spilled import is_spilled


def tensors(features: Features, kind: Any) -> tuple[list[Any], Any]:
    """Return arrays as constants; what is too large for memory stays mapped from its file."""
    arrays = [array if is_spilled(array) else tf.constant(array) for array in features.arrays]
    return arrays, tf.constant(features.labels, kind)


def gathered(array: Any, rows: Any) -> Any:
    """Return some rows of a constant, or of an array in a file."""
    if not isinstance(array, np.ndarray):
        return tf.gather(array, rows)
    taken = tf.numpy_function(lambda chosen: np.asarray(array[chosen]), [rows], array.dtype)
    taken.set_shape((rows.shape[0], *array.shape[1:]))
    return taken


def batches(n: int, most: int) -> tuple[Any, Any]:
    """Lay rows out as `(batches, size) int32`; the last batch is filled up from the beginning, with weight 0."""
    size = min(n, most)
    count = math.ceil(n / size)
    rows = np.resize(np.arange(n), count * size)
    weights = np.arange(count * size) < n
    return tf.constant(rows.reshape(count, size), tf.int32), tf.constant(weights.reshape(count, size), tf.float32)


def summed(count: int, of: Callable[[Any], Any], width: int = 1) -> Any:
    """Add up `of(0) … of(count - 1)`, each `(width,) float32`."""
    if count == 1:  # tracing a loop takes longer than what is in it
        return of(0)
    places = (tf.constant(0), tf.zeros(width))
    return tf.while_loop(lambda i, _: i < count, lambda i, total: (i + 1, total + of(i)), places)[1]
