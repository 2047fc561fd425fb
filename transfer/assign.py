"""Setting a variable without another copy of it in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

LARGE = 1 << 24  # bytes of an array


def assign(weight: Any, array: NDArray[Any]) -> None:
    """Set a variable, a large one by rows into the memory that it has.

    What is assigned at once is held twice more for a moment, and TensorFlow's allocator keeps what it ever took.

    Args:
        weight: a variable of Keras or TensorFlow.
        array: its numbers, or what is read by rows, such as an `h5py.Dataset`.
    """
    if _is_large(weight, array):
        _by_rows(weight, array)
    else:
        weight.assign(array[()])


@contextmanager
def sparing() -> Iterator[None]:
    """Let Keras set variables in this way, too: its loaders assign whole arrays, and ask nobody how."""
    whole = keras.Variable.assign

    def assigned(weight: Any, value: Any) -> Any:
        if not isinstance(value, np.ndarray) or not _is_large(weight, value):
            return whole(weight, value)
        _by_rows(weight, value)
        return weight.value

    keras.Variable.assign = assigned
    try:
        yield
    finally:
        keras.Variable.assign = whole


def _is_large(weight: Any, array: NDArray[Any]) -> bool:
    return array.nbytes > LARGE and tuple(array.shape) == tuple(weight.shape)  # Keras says what does not fit


def _by_rows(weight: Any, array: NDArray[Any]) -> None:
    variable = weight.value if isinstance(weight, keras.Variable) else weight
    rows = max(1, LARGE * len(array) // array.nbytes)
    for start in range(0, len(array), rows):
        part = np.asarray(array[start : start + rows], variable.dtype.as_numpy_dtype)
        # `variable[…].assign` reads the whole variable first, and so makes the assignment copy it.
        tf.raw_ops.ResourceStridedSliceAssign(
            ref=variable.handle, begin=[start], end=[start + len(part)], strides=[1], value=part
        )
    tf.raw_ops.DisableCopyOnRead(resource=variable.handle)  # assigning a part turned it on: each read would be a copy
