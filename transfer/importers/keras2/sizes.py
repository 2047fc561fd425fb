"""Sizes are counted before memory is taken for them: a damaged config can ask for more than its file holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state

from registry.errors import ZooError

LARGE = 1 << 20  # numbers in a weight that the file is sure to hold
LARGEST = 1 << 28  # numbers in a model whose file does not hold its weights: 1 GB
WAITING = "uninitialized_variables"  # where Keras keeps them (keras/src/backend/common/variables.py)


@contextmanager
def without_values() -> Iterator[None]:
    """Make layers whose weights have shapes and no values; they get values, large ones zeros, if no error ends it.

    Within a `keras.StatelessScope` Keras itself puts off giving variables their first values.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    except BaseException:
        global_state.set_global_attribute(WAITING, [])
        raise
    for variable in global_state.get_global_attribute(WAITING, []):
        if math.prod(variable.shape) > LARGE:  # random numbers that are overwritten take thrice the memory
            variable._initializer = keras.initializers.Zeros()
    with keras.StatelessScope():
        pass  # leaving an outermost scope gives values to all that wait


def numbers_of(layer: Any) -> int:
    """Return how many numbers a layer's weights hold, from their shapes alone."""
    return sum(math.prod(int(size) for size in variable.shape) for variable in layer.variables)


def bounded(numbers: int, most: int, where: str) -> None:
    """Refuse a layer that would hold more than the file can.

    Raises:
        ZooError: it would.
    """
    if numbers > most:
        raise ZooError(
            f"{where} would hold {numbers:,} numbers; expected at most {most:,}, which is what the file has room for"
        )
