"""One array that lies in a file: its shape, type and place, checked against the bytes that are there."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import Source

MOST_AXES = 32


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        source: the bytes that it lies in.
        dtype: of its numbers, in this machine's byte order.
        shape: its shape.
        strides: from one number to the next along each axis, counted in numbers.
        offset: where its first number is, counted in numbers.
        swapped: whether the bytes are in the other byte order.
    """

    source: Source
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0
    swapped: bool = False

    def load(self) -> NDArray[Any]:
        """Read the array; only its own part of the bytes.

        Raises:
            ZooError: they cannot be read.
        """
        item = self.dtype.itemsize
        raw = self.source.read(self.offset * item, self._extent * item)
        flat = _in_order(raw, self.dtype, self.swapped)
        if self.strides == row_major(self.shape):
            return flat.reshape(self.shape)
        view = as_strided(flat, self.shape, tuple(stride * item for stride in self.strides))
        return np.ascontiguousarray(view).reshape(self.shape)

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def _extent(self) -> int:
        """How many numbers lie between its first and its last, both included."""
        if 0 in self.shape:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


def checked(stored: Stored, where: str) -> Stored:
    """Return an array as it is, once it is known to lie within its bytes and to be no larger than they are.

    Args:
        stored: the array, as the file declares it.
        where: the file, as an error calls it.

    Raises:
        ZooError: it does not.
    """
    numbers = (*stored.shape, *stored.strides, stored.offset)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ZooError(
            f"{where} holds an array with a size, stride or offset that is no number from 0 on; it is damaged"
        )
    if len(stored.shape) > MOST_AXES or len(stored.shape) != len(stored.strides):
        raise ZooError(
            f"{where} holds an array of {len(stored.shape)} axes and {len(stored.strides)} strides; expected as many "
            f"of one as of the other, at most {MOST_AXES}"
        )
    there = stored.source.size // stored.dtype.itemsize
    if stored.count > there or stored.offset + stored._extent > there:
        raise ZooError(
            f"{where} holds an array {shown(stored.shape)} {stored.dtype} at {shown(stored.offset)}, which is outside "
            f"its storage of {there} numbers; the file is truncated or damaged"
        )
    return stored


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in numbers, of an array whose last axis runs fastest.

    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def column_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in numbers, of an array whose first axis runs fastest.

    >>> column_major((2, 3, 4))
    (1, 2, 6)
    """
    return tuple(prod(shape[:axis]) for axis in range(len(shape)))


def _in_order(raw: bytes, dtype: np.dtype[Any], swapped: bool) -> NDArray[Any]:
    if not swapped or dtype.itemsize == 1:
        return np.frombuffer(raw, dtype)
    unit = dtype.itemsize // (2 if dtype.kind == "c" else 1)  # a complex number is two numbers
    return np.frombuffer(raw, f"u{unit}").byteswap().view(dtype)
