"""Scale or shift by a constant that varies along some axes: an elementwise EinsumDense, whose numbers can train.

`abcd,d->abcd` is a factor a channel; where the constant is wider than the tensor, `abcd,dB->aBcd` sums over the one
number that is there. A shift has a kernel of 1 or -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor

LETTERS = "abcdefgh"
Array = NDArray[Any]
Made = tuple[Any, list[Array]]  # a layer and its weights


def scaled(x: Tensor, factor: Array) -> Made:
    """Return the layer that computes `x * factor`.

    Args:
        x: a tensor.
        factor: with as many axes, in its order, of which the samples' has size 1.
    """
    equation, _, kernel = _kernel(x, factor)
    return keras.layers.EinsumDense(equation, _made(x, factor)[1:]), [_narrow(factor).reshape(kernel)]


def shifted(x: Tensor, shift: Array, sign: int = 1) -> Made:
    """Return the layer that computes `sign * x + shift`; see `scaled`."""
    shift = _unmistakable(x, shift)
    equation, varying, kernel = _kernel(x, shift)
    layer = keras.layers.EinsumDense(equation, _made(x, shift)[1:], bias_axes=varying)
    # Keras gives a bias all axes from its first on, with size 1 where it does not vary.
    made = equation.rpartition(">")[2]
    bias = shift.reshape(shift.shape[made.index(varying[0]) :])
    return layer, [np.full(kernel, sign, np.float32), bias]


def _kernel(x: Tensor, constant: Array) -> tuple[str, str, tuple[int, ...]]:
    """Return the equation, the letters of the axes along which the constant varies, and the kernel's shape."""
    letters, rank = LETTERS[: constant.ndim], constant.ndim
    grows = [axis > 0 and constant.shape[axis] > 1 and x.keras.shape[axis] == 1 for axis in range(rank)]
    made = "".join(letter.upper() if wider else letter for letter, wider in zip(letters, grows, strict=True))
    summed = "".join(letter for letter, wider in zip(letters, grows, strict=True) if wider)
    varying = "".join(letter for letter, size in zip(made, constant.shape, strict=True) if size > 1) or made[-1]
    return f"{letters},{summed}{varying}->{made}", varying, (1,) * len(summed) + _narrow(constant).shape


def _narrow(constant: Array) -> Array:
    """Return a constant without the axes along which it does not vary, and with one at least."""
    return constant.reshape([size for size in constant.shape if size > 1] or [1])


def _made(x: Tensor, constant: Array) -> tuple[int | None, ...]:
    """Return the shape of what is made, as Keras has it."""
    return tuple(own if size == 1 else size for own, size in zip(x.keras.shape, constant.shape, strict=True))


def _unmistakable(x: Tensor, shift: Array) -> Array:
    """Return a shift that Keras adds along the right axis.

    `keras.ops.add` takes what varies along one axis for a bias of the channels where it has as many numbers as the
    last axis, or as the first behind the samples (Keras 3.15, backend/tensorflow/numpy.py): `(4, 1, 1)` on
    `(n, 4, 6, 4)` would go along the last. What varies along two axes is safe.
    """
    shape = _made(x, shift)
    wide = [axis for axis, size in enumerate(shift.shape) if size > 1]
    if len(wide) != 1 or shift.shape[wide[0]] not in (shape[1], shape[-1]):
        return shift
    taken = len(shape) - 1 if shift.shape[wide[0]] == shape[-1] else 1
    others = [axis for axis in range(1, len(shape)) if axis != wide[0] and (shape[axis] or 0) > 1]
    if taken == wide[0] or not others:
        return shift
    return np.broadcast_to(shift, _widened(shift.shape, others[-1], shape))


def _widened(sizes: Sequence[int], axis: int, shape: Sequence[int | None]) -> list[int]:
    return [int(shape[axis] or 1) if place == axis else size for place, size in enumerate(sizes)]
