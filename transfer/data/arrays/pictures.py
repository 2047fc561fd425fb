"""Images in arrays, brought to the colours of a model's image input. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from transfer.data.dataset import Array

Images = NDArray[np.uint8]
Shape = tuple[int | None, ...]
COLOURS = (1, 3)
# ITU-R BT.601 in units of 2**-16, rounded, as Pillow's `convert("L")` has it.
LUMA = np.array([19595, 38470, 7471], np.uint32)


def image_shape(shape: Sequence[int | None], how: Preprocessing | None) -> tuple[int | None, int | None, int] | None:
    """Return height, width and colours of the images that a model takes; None where it takes none.

    They are the input's, or, where the input is a flat row, those of the raw samples on the model's card.

    >>> image_shape((None, None, 3), None), image_shape((784,), Preprocessing((28, 28))), image_shape((784,), None)
    ((None, None, 3), (28, 28, 1), None)
    """
    for one in (tuple(shape), how.shape if how is not None else ()):
        if len(one) == 3 and one[2] in COLOURS:
            return (one[0], one[1], int(one[2] or 0))
        if len(one) == 2 and how is not None and how.dtype == "uint8":
            return (one[0], one[1], 1)
    return None


def is_image(array: Array) -> bool:
    """Whether samples are images: `(n, h, w)` or `(n, h, w, c) uint8` with one colour or three."""
    return array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] in COLOURS))


def coloured(images: Images, colours: int) -> Images:
    """Return images `(n, h, w, colours)`: grey is repeated, colours become grey by their luma.

    >>> coloured(np.array([[[[255, 0, 0]]]], np.uint8), 1).tolist()
    [[[[76]]]]
    """
    images = images[..., None] if images.ndim == 3 else images
    if images.shape[3] == colours:
        return images
    if colours == 3:
        return np.repeat(images, 3, axis=3)
    grey = (images.astype(np.uint32) @ LUMA + 0x8000) >> 16
    return grey.astype(np.uint8)[..., None]
