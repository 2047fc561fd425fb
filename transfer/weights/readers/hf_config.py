"""What lies beside weights in Hugging Face's layout: the model's classes, and how images become its input."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.files.json_text import decoded
from transfer.files.shown import shown
from transfer.weights.foreign import Foreign

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NAMES = re.compile(r"(model|pytorch_model)\b.*\.(safetensors|bin)(\.index\.json)?")  # as its libraries call weights
LARGEST = 16 * 2**20  # bytes
BYTE = 1 / 255  # what an image's bytes are multiplied with, where nothing else is said


class Config(msgspec.Struct):
    """The part of `config.json` that says something of the weights."""

    model_type: str = ""
    architectures: list[str] | None = None
    torch_dtype: str | None = None
    dtype: str | None = None
    id2label: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def is_torch(self) -> bool:
        """Whether the model is one of PyTorch's classes."""
        return bool(self.torch_dtype or self.dtype or self.architectures)


class Images(msgspec.Struct):
    """The part of `preprocessor_config.json` that says what is done with an image."""

    size: int | list[int] | dict[str, int | None] | None = None
    crop_size: int | list[int] | dict[str, int | None] | None = None
    do_center_crop: bool | None = None
    do_rescale: bool | None = None
    rescale_factor: float = BYTE
    do_normalize: bool | None = None
    image_mean: float | list[float] | None = None
    image_std: float | list[float] | None = None
    do_flip_channel_order: bool | None = None
    image_processor_type: str = ""
    rescale_offset: bool | None = None
    include_top: bool | None = None

    @property
    def normalises_twice(self) -> bool:
        """Whether it is divided by `image_std` once more; EfficientNet's processor does unless it is told not to."""
        is_default = self.include_top is None and self.image_processor_type.startswith("EfficientNet")
        return bool(self.include_top) or is_default


def beside(path: Path, found: Foreign) -> Foreign:
    """Return weights together with what the files beside them say; what cannot be read is a note.

    Args:
        path: the file of weights, or its index.
        found: what was read from it.
    """
    if not NAMES.fullmatch(path.name):
        return found
    notes = []
    try:
        config = _read(path.parent / CONFIG, Config)
        images = _read(path.parent / PREPROCESSOR, Images)
    except ZooError as error:
        return replace(found, notes=(*found.notes, f"{error.message}; it is left aside"))
    if config and config.model_type:
        notes.append(
            f"{CONFIG} calls it a {shown(config.model_type)} model ({shown(', '.join(config.architectures or ['?']))})"
        )
    preprocessing, why = prepared(images) if images else (None, "")
    if why:
        notes.append(f"{PREPROCESSOR}: {why}; how images become the model's input is not known")
    convention = "torch" if found.convention == "numpy" and config and config.is_torch else found.convention
    return replace(
        found,
        convention=convention,
        notes=(*found.notes, *notes),
        preprocessing=found.preprocessing or preprocessing,
        classes=found.classes or (labels(config.id2label) if config else ()),
    )


def labels(id2label: dict[str, str]) -> tuple[str, ...]:
    """Return the classes in order, or none where they are not numbered from 0, or only by number.

    >>> labels({"1": "dog", "0": "cat"})
    ('cat', 'dog')
    >>> labels({"0": "LABEL_0", "1": "LABEL_1"})
    ()
    """
    numbers = [str(number) for number in range(len(id2label))]
    if set(numbers) != set(id2label) or all(id2label[number] == f"LABEL_{number}" for number in numbers):
        return ()
    return tuple(id2label[number] for number in numbers)


def prepared(images: Images) -> tuple[Preprocessing | None, str]:
    """Return how an RGB image `(height, width, 3) uint8` becomes the input, or None and why that is not known.

    An image is multiplied with `rescale_factor`, then `(image - mean) / std` (transformers/image_transforms.py).
    EfficientNet's goes from -1 to 1 with `rescale_offset`, and with `include_top` is divided by `std` again
    (transformers/models/efficientnet/image_processing_efficientnet.py).
    """
    mean, std = _three(images.image_mean), _three(images.image_std)
    if images.image_mean is None and images.do_rescale is None:
        return None, ""  # of text or sound
    place = _sides(images.crop_size if images.do_center_crop and images.crop_size else images.size)
    if place is None:
        return None, "it names no height and width"
    normal = images.do_normalize is not False and mean is not None and std is not None
    if (images.do_normalize and not normal) or (std is not None and not all(std)):
        return None, "image_mean or image_std is missing, or not of three colours, or zero"
    factor = 1.0 if images.do_rescale is False else images.rescale_factor
    shift = -1.0 if images.rescale_offset and images.do_rescale is not False else 0.0
    if shift and abs(factor * 127.5 - 1) > 1e-6:  # x * factor - 1 or (x - 127.5) * factor, as the version will
        return None, f"rescale_offset with rescale_factor {factor:g} means one thing in old and one in new transformers"
    scale: tuple[float, ...] = (factor,) * 3
    offset: tuple[float, ...] = (shift,) * 3
    if normal and mean and std:
        twice = 2 if images.normalises_twice else 1
        scale = tuple(factor / one**twice for one in std)
        offset = tuple((shift - m) / s**twice for m, s in zip(mean, std, strict=True))
    if images.do_flip_channel_order:
        return Preprocessing((*place, 3), "uint8", _one(scale[::-1]), _one(offset[::-1]), "bgr"), ""
    return Preprocessing((*place, 3), "uint8", _one(scale), _one(offset), "rgb"), ""


def _read(path: Path, type: Any) -> Any:
    """Read a file beside the weights; None where there is none."""
    fault = f"{path.name} beside the weights cannot be read"
    return decoded(path, type, LARGEST, fault) if path.is_file() else None


def _sides(size: Any) -> tuple[int, int] | None:
    """Return height and width, where they are said; the shortest edge alone leaves one open."""
    if isinstance(size, int):
        size = [size, size]
    if isinstance(size, dict):
        size = [size.get("height"), size.get("width")]
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(one, int) and one > 0 for one in size):
        return None
    return size[0], size[1]


def _three(numbers: float | list[float] | None) -> tuple[float, ...] | None:
    numbers = [numbers] * 3 if isinstance(numbers, int | float) else numbers
    return tuple(map(float, numbers)) if numbers and len(numbers) == 3 else None


def _one(numbers: tuple[float, ...]) -> float | tuple[float, ...]:
    return numbers[0] if len(set(numbers)) == 1 else numbers
