"""How images become a Caffe net's input: `(x - mean) * scale` on BGR (Caffe `data_transformer.cpp`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.files.wire import LEN, DamagedError, Field, Walk
from transfer.importers.caffe.blob import blob_of

LARGEST = 1 << 26  # bytes of a mean file
UNSTATED = (
    "the files do not say how images become the input; Caffe nets are usually trained on BGR minus the mean: "
    "state it with --preprocess"
)


def stated(layers: Sequence[Any], shape: Sequence[int], folder: Path) -> tuple[Preprocessing | None, str]:
    """Return the preprocessing that the first data layer states, and a note about it.

    Args:
        layers: of the prototxt, then of the caffemodel.
        shape: the input's, (n, c, h, w).
        folder: where a mean file lies.
    """
    found = [layer for layer in layers if layer.type in ("Data", "ImageData")]
    if not found or len(shape) != 4 or shape[1] not in (1, 3):
        return None, UNSTATED
    transform, note = found[0].transform_param, ""
    means = [float(mean) for mean in transform.mean_value]
    if transform.mean_file:
        try:
            means, note = mean_of(folder / Path(transform.mean_file).name)
        except ZooError as error:
            return None, f"the mean of the input is not known: {error.message}; state it with --preprocess"
    if len(means) not in (0, 1, shape[1]):
        return None, f"the files state {len(means)} means for {shape[1]} channels; state them with --preprocess"
    scale = float(transform.scale)
    offsets = tuple(0.0 - mean * scale for mean in means)
    offset: float | tuple[float, ...] = offsets if len(offsets) > 1 else sum(offsets)
    size = (shape[2], shape[3], shape[1])
    return Preprocessing(size, scale=scale, offset=offset, channels="bgr" if shape[1] == 3 else ""), note


def mean_of(path: Path) -> tuple[list[float], str]:
    """Return the mean of each channel in a binaryproto, as Caffe's `classify.py` takes it, and a note where it varies.

    Raises:
        ZooError: there is no such file, or it is damaged.
    """
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    if path.stat().st_size > LARGEST:
        raise ZooError(f"{path} is too large for a mean")
    data = memoryview(path.read_bytes())
    try:
        blob = blob_of(Walk(data), Field(0, LEN, 0, 0, len(data)), path.name)
    except (DamagedError, ValueError) as error:
        raise ZooError(f"{path} is damaged: {error}") from error
    array = blob.array().astype(np.float64)
    if array.ndim < 3 or array.size == 0:
        raise ZooError(f"{path} is {list(blob.shape)}; expected (1, c, h, w)")
    planes = array.reshape(-1, *array.shape[-2:])
    note = "" if np.ptp(planes, axis=(1, 2)).max() == 0 else f"{path.name} is an image; its mean by channel is used"
    return [float(mean) for mean in planes.mean(axis=(1, 2))], note
