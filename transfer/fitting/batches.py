"""Samples in batches inside a compiled loop: constants in memory, or rows of a file; and sums over steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.features import Features
from transfer.fitting.streaming import Stream, read
from transfer.spilled import spilled_of


def tensors(features: Features, kind: Any) -> tuple[list[Any], Any]:
    """Return arrays as constants; what is too large for memory stays mapped from its file."""
    spilled = spilled_of(features.arrays)
    arrays = [array if far else tf.constant(array) for array, far in zip(features.arrays, spilled, strict=True)]
    return arrays, tf.constant(features.labels, kind)


def in_file(array: Any) -> bool:
    """Tell whether an array of `tensors` stayed in its file, or in several."""
    return not tf.is_tensor(array)


def gathered(array: Any, rows: Any) -> Any:
    """Return some rows of a constant, or of an array in a file."""
    if not in_file(array):
        return tf.gather(array, rows)
    taken = tf.numpy_function(lambda chosen: read(array, chosen), [rows], array.dtype)
    taken.set_shape((rows.shape[0], *array.shape[1:]))
    return taken


def streamed(stream: Stream, arrays: Sequence[Any], rows: Any, following: Any) -> list[Any]:
    """Return the rows `(steps, size)` of some arrays in files, `(steps * size, ...)` each; see `Stream.window`."""
    kinds = [array.dtype for array in arrays]
    taken = tf.numpy_function(stream.window, [rows, following], kinds)
    for tensor, array in zip(taken, arrays, strict=True):
        tensor.set_shape((None, *array.shape[1:]))
    return list(taken)


def as_float32(tensor: Any) -> Any:
    """Return features of 16 bits as float32, which is exact: batch by batch, so that all of them take half the room."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def batches(n: int, most: int) -> tuple[Any, Any]:
    """Lay rows out as `(batches, size) int32`; the last batch is filled up from the beginning, with weight 0."""
    size = min(n, most)
    count = math.ceil(n / size)
    rows = np.resize(np.arange(n), count * size)
    weights = np.arange(count * size) < n
    return tf.constant(rows.reshape(count, size), tf.int32), tf.constant(weights.reshape(count, size), tf.float32)


def summed(count: Any, of: Callable[[Any], Any], width: int = 1, at_once: int = 10) -> Any:
    """Add up `of(0) … of(count - 1)`, each `(width,) float32`; the count may be a tensor.

    What does not change state may be computed ahead, so many turns of it.
    """
    if isinstance(count, int) and count == 1:  # tracing a loop takes longer than what is in it
        return of(0)
    places = (tf.constant(0), tf.zeros(width))
    turn = lambda i, total: (i + 1, total + of(i))  # noqa: E731
    return tf.while_loop(lambda i, _: i < count, turn, places, parallel_iterations=at_once)[1]
