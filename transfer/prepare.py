"""Raw numbers to a model's input, by the card."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.dataset import Array, check_finite


def prepare(
    x: Array, shape: Sequence[int | None], how: Preprocessing | None, where: str = "the data"
) -> NDArray[np.float32]:
    """Return samples as the model takes them, `(n, *shape) float32`.

    Integers are raw and go through the card's preprocessing; floating-point numbers are taken as they are. Either
    may come in another shape with as many numbers a sample.

    Args:
        x: samples `(n, ...)`.
        shape: the model's input without the batch; None where it may vary.
        how: the card's preprocessing; None where it is not known.
        where: what the data are called in an error.

    Raises:
        ZooError: the shape does not fit; or the data are integers and the card knows no preprocessing.
    """
    if x.dtype.kind in "uib":
        if how is None:
            raise ZooError(
                f"{where} are {x.dtype} and the model's card does not say how to turn them into its input",
                "pass them as float32, scaled as in the model's training",
            )
        x = x.astype(np.float32) * np.float32(how.scale) + np.float32(how.offset)
    with np.errstate(over="ignore"):
        prepared = np.ascontiguousarray(_shaped(x, tuple(shape), where), dtype=np.float32)
    check_finite(prepared, f"{where}, as float32,")
    return prepared


def _shaped(x: Array, shape: tuple[int | None, ...], where: str) -> Array:
    got = x.shape[1:]
    if len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got, strict=True)):
        return x
    if None not in shape and math.prod(got) == math.prod(size for size in shape if size):
        return x.reshape(len(x), *(size for size in shape if size))
    expected = ", ".join("?" if size is None else str(size) for size in shape)
    raise ZooError(f"{where} have samples of shape {got}; the model expects ({expected})")
