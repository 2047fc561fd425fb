"""What a file says about raw data and classes, in its `metadata_props`. Pure.

Source: ONNX, Metadata (`Image.BitmapPixelFormat`, `Image.NominalPixelRange`); for mean, std and class names there is no
standard: the keys are those that exporters write.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from registry.card import Preprocessing
from transfer.importers.native import Tensor
from transfer.importers.onnx.messages import text

CHANNELS = {"rgb8": "rgb", "bgr8": "bgr", "gray8": ""}
# Image.NominalPixelRange -> factor and offset for raw numbers from 0 to 255.
RANGES = {
    "nominalrange_0_255": (1.0, 0.0),
    "normalized_0_1": (1 / 255, 0.0),
    "normalized_1_1": (2 / 255, -1.0),
    "nominalrange_16_235": (219 / 255, 16.0),
}
CLASSES = ("names", "classes", "class_names", "labels", "class_labels")
LEAST = 0.05  # of a standard deviation of images from 0 to 1; a smaller one is a factor for other numbers
LARGEST = 1 << 20  # characters of one entry


def entries(message: Any) -> dict[str, str]:
    """Return a model's metadata, with keys in lower case."""
    pairs = ((text(entry.key), text(entry.value)) for entry in message.metadata_props if len(entry.value) <= LARGEST)
    return {key.lower(): value for key, value in pairs}


def preprocessing_of(message: Any, inputs: list[Tensor]) -> tuple[Preprocessing | None, tuple[str, ...]]:
    """Return how images become the input, None where the file does not say so; and what is unclear about it."""
    found = entries(message)
    shape = tuple(inputs[0].keras.shape[1:]) if inputs else ()
    if len(inputs) != 1 or len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        return None, ()
    lines = _line(found, shape[-1])
    if isinstance(lines, str) or lines is None:
        return None, (lines,) if lines else ()
    channels = CHANNELS.get(found.get("image.bitmappixelformat", "").lower(), "") if shape[-1] == 3 else ""
    scale, offset = (numbers[0] if len(set(numbers)) == 1 else numbers for numbers in lines)
    return Preprocessing(shape, "uint8", scale, offset, channels), ()


def _line(found: Mapping[str, str], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | str | None:
    """Return factors and offsets, one for each channel; a note where the file does not settle them.

    `mean` and `std` are for numbers from 0 to 255 where one of them is above 1, else for 0 to 1; but a mean of 0 with
    a std of 1, or with one that images do not have, may be for either.
    """
    mean, std = (_numbers(found.get(key, ""), channels) for key in ("mean", "std"))
    if mean is None:
        kind = RANGES.get(found.get("image.nominalpixelrange", "").lower())
        return None if kind is None else ((kind[0],) * channels, (kind[1],) * channels)
    spread = std or (1.0,) * channels
    if any(number <= 0 for number in spread):
        return f"its metadata state a std of {found['std'][:60]}, which nothing can be divided by"
    large = max(map(abs, (*mean, *spread))) > 1
    if not large and not any(mean) and not all(LEAST <= number < 1 for number in spread):
        return f"its metadata state mean={found['mean'][:60]} without saying of which numbers: 0 to 1, or 0 to 255"
    unit = 1.0 if large else 255.0
    scale = tuple(1 / (unit * number) for number in spread)
    return scale, tuple(-middle / number for middle, number in zip(mean, spread, strict=True))


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    """Read `[0.5, 0.5, 0.5]` or `0.5,0.5,0.5`; one number stands for all.

    >>> _numbers("0.5, 0.25", 2), _numbers("[1]", 3), _numbers("red", 3)
    ((0.5, 0.25), (1.0, 1.0, 1.0), None)
    """
    try:
        found = [float(part) for part in text.strip("[]() ").split(",")]
    except ValueError:
        return None
    held = found * count if len(found) == 1 else found
    return tuple(held) if len(held) == count and np.isfinite(held).all() else None


def classes_of(message: Any, outputs: list[Tensor]) -> tuple[str, ...]:
    """Return the names of the outputs, where the file has as many as the model has outputs."""
    found = entries(message)
    width = outputs[0].keras.shape[-1] if len(outputs) == 1 else None
    for key in CLASSES:
        names = names_in(found.get(key, ""))
        if names and len(names) == width:
            return names
    return ()


def names_in(text: str) -> tuple[str, ...]:
    """Read a list of names: JSON, the notation of Python literals, or separated by commas or lines.

    >>> names_in('["cat", "dog"]'), names_in("{0: 'cat', 1: 'dog'}"), names_in("cat,dog")
    (('cat', 'dog'), ('cat', 'dog'), ('cat', 'dog'))
    """
    held = _literal(text)
    if isinstance(held, dict):
        try:
            held = [held[key] for key in sorted(held, key=int)]
        except (TypeError, ValueError):
            return ()
    if held is None:
        held = [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]
    return tuple(held) if isinstance(held, list) and all(isinstance(name, str) for name in held) else ()


def _literal(text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return []
