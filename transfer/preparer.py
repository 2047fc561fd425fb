"""A card's preprocessing as functions of raw arrays that were not seen before, which processes can send each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.prepare import scaled
from transfer.preprocess_model import raw_shape, resizer

Prepare = Callable[[Array], NDArray[np.float32]]


def batch_preparer(how: Preprocessing) -> Prepare:
    """Return the preprocessing as a function: raw `(n, *raw_shape)` to `(n, *how.shape) float32`.

    It may be called from several threads; nothing is compiled anew for another size or number of samples.

    Raises:
        ZooError: raw samples are of a dtype that is not resized; when called: the samples do not fit.
    """
    return _Preparer(how)


def image_preparer(how: Preprocessing) -> Prepare:
    """Return the preprocessing as a function of one raw sample, `(height, width, channels)` where it is resized.

    See `batch_preparer`.
    """
    batch = batch_preparer(how)
    return lambda image: batch(image[np.newaxis])[0]


@dataclass(frozen=True)
class _Preparer:
    """What `batch_preparer` returns; it can be sent to another process, since it makes its function anew there."""

    how: Preprocessing

    def __post_init__(self) -> None:
        if self.how.resize:
            resizer(self.how)

    def __call__(self, x: Array) -> NDArray[np.float32]:
        _check(x, self.how)
        return scaled(resizer(self.how)(x) if self.how.resize else x, self.how)


def _check(x: Array, how: Preprocessing) -> None:
    expected = raw_shape(how)
    sizes = x.shape[1:]
    fits = len(sizes) == len(expected) and all(want in (None, got) for want, got in zip(expected, sizes, strict=True))
    if x.dtype != how.dtype or not fits or 0 in sizes:
        takes = ", ".join("?" if size is None else str(size) for size in expected)
        raise ZooError(
            f"raw samples are {x.dtype} {sizes}; the preprocessing takes {how.dtype} ({takes})",
            "give them that form, or state another: --preprocess 'shape=... dtype=... resize=...'",
        )
