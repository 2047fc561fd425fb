"""Small pictures inside the page."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray


def address(picture: NDArray[np.uint8] | None) -> str:
    """Return a picture `(h, w, 1 or 3) uint8` as a PNG in a `data:` address; nothing where it is none."""
    if picture is None or picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.dtype != np.uint8:
        return ""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
