"""Raw numbers to a model's input, by the card."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.dataset import Array, check_finite
from transfer.preprocessing import STATE


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
                f"pass them as float32, scaled as in the model's training; or tell zoo import or transfer: {STATE}",
            )
        x = _from_raw(x, how, where)
    with np.errstate(over="ignore"):
        prepared = np.ascontiguousarray(shaped(x, tuple(shape), where), dtype=np.float32)
    check_finite(prepared, f"{where}, as float32,")
    return prepared


def _from_raw(x: Array, how: Preprocessing, where: str) -> NDArray[np.float32]:
    """Resize where the card says so; then scale, by channel where the card has a number for each."""
    if how.resize and x.shape[1:] != how.shape and is_raw(x.shape[1:], how):
        x = _resized(x, how, where)
    by_place = how.channels == "bgr" or isinstance(how.scale, tuple) or isinstance(how.offset, tuple)
    if by_place and x.shape[-1:] != how.shape[-1:]:
        x = shaped(x, how.shape, where)
    return scaled(x, how)


def scaled(x: Array, how: Preprocessing) -> NDArray[np.float32]:
    """Turn colours round where the model takes BGR, then apply factor and offset to `(n, ...)`."""
    prepared: NDArray[np.float32] = (x[..., ::-1] if how.channels == "bgr" else x).astype(np.float32)
    prepared *= np.asarray(how.scale, np.float32)
    prepared += np.asarray(how.offset, np.float32)
    return prepared


def is_raw(shape: Sequence[int], how: Preprocessing) -> bool:
    """Tell whether the preprocessing is made for samples of a shape: the card's, or images that are resized to it."""
    if tuple(shape) == how.shape:
        return True
    channels = how.shape[2:] or (1,)
    return bool(how.resize) and (tuple(shape[2:]) == channels or (len(shape) == 2 and channels == (1,)))


def _resized(x: Array, how: Preprocessing, where: str) -> Array:
    """Resize images `(n, height, width, channels)`; the channel may be left out where there is one."""
    if x.shape[1:3] == how.shape[:2]:
        return x.reshape(len(x), *how.shape)
    if x.dtype != how.dtype or 0 in x.shape[1:]:
        raise ZooError(
            f"{where} are {x.dtype} of shape {x.shape[1:]}, which cannot be resized to {how.shape}",
            f"give {how.dtype} images with at least one pixel",
        )
    from transfer.preprocess_model import resizer

    return resizer(how)(x if x.ndim == 4 else x[..., np.newaxis])


def shaped(x: Array, shape: tuple[int | None, ...], where: str) -> Array:
    """Return samples in a shape with as many numbers each; raises `ZooError` where they do not fit."""
    got = x.shape[1:]
    if len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got, strict=True)):
        return x
    if None not in shape and math.prod(got) == math.prod(size for size in shape if size):
        return x.reshape(len(x), *(size for size in shape if size))
    expected = ", ".join("?" if size is None else str(size) for size in shape)
    raise ZooError(f"{where} have samples of shape {got}; the model expects ({expected})")
