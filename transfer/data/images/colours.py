"""Pillow's pixel modes to 8-bit grey or RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
MODES = {1: "L", 3: "RGB"}
ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
DEEP = 65535  # the largest number of 16 bits


def pixels(image: Image.Image, channels: int) -> Pixels:
    """Return an image as `(h, w, channels) uint8`; it is decoded where it is not yet.

    Grey of colours is ITU-R 601 luma. What is transparent stands before white. Of 16 bits the upper are kept, rounded.

    Args:
        image: of any mode.
        channels: 1 or 3.

    Raises:
        ValueError: its pixels are floating-point, or whole numbers beyond 16 bits.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; expected whole numbers of 8 or 16 bits")
    if image.mode.startswith("I"):
        image = Image.fromarray(_shallow(np.asarray(image)))
    elif image.mode in ALPHA or "transparency" in image.info:
        image = _on_white(image.convert("RGBA"))
    if image.mode != MODES[channels]:
        image = image.convert(MODES[channels])
    array = np.asarray(image)
    return array[..., np.newaxis] if channels == 1 else array


def _shallow(deep: NDArray[np.integer]) -> Pixels:
    least, most = int(deep.min()), int(deep.max())
    if least < 0 or most > DEEP:
        raise ValueError(f"its pixels go from {least} to {most}; expected whole numbers of 8 or 16 bits")
    # 257 is 65535 / 255: black stays 0, and white becomes 255.
    return ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
