"""How raw data become a model's input, as people write it: `caffe`, or `scale=1/255 offset=-1 channels=bgr`. Pure.

The names are those of `keras.applications.imagenet_utils.preprocess_input`; the numbers are ImageNet's means and
standard deviations, of 0 to 255 in Caffe's order BGR, and of 0 to 1 in PyTorch's, RGB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from registry.card import Preprocessing
from registry.errors import ZooError, near

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRESETS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "unit": {"scale": "1/255"},
    "tf": {"scale": "1/127.5", "offset": "-1"},
    "caffe": {"channels": "bgr", "offset": "-103.939,-116.779,-123.68"},
    "torch": {
        "channels": "rgb",
        "scale": ",".join(f"{1 / 255 / deviation:.9g}" for deviation in DEVIATION),
        "offset": ",".join(f"{-mean / deviation:.9g}" for mean, deviation in zip(MEAN, DEVIATION, strict=True)),
    },
}
KEYS = ("scale", "offset", "mean", "channels", "shape", "dtype", "resize", "interpolation")
NUMBER = re.compile(r"[-+]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})(/\d{1,15}(\.\d{1,15})?)?")
STATE = "--preprocess unit (or tf, torch, caffe, 'scale=1/255 mean=...'; or none where the model itself scales)"
USAGE = "write tf, torch, caffe, unit or none; or such as 'scale=1/128 mean=127 channels=rgb'"


def parse_preprocessing(text: str, shape: Sequence[int | None]) -> Preprocessing:
    """Read what a user says of a model's preprocessing.

    Args:
        text: the name of a preset, and `KEY=VALUE` with spaces between: `scale`, `offset`, `mean` (subtracted before
            the factor), one number or one a channel with commas, fractions allowed; `channels` rgb or bgr; `shape`
            such as `28x28` of one raw sample; `dtype`, uint8 if not said; `resize` stretch, crop or pad, where images
            of other sizes are taken, and `interpolation` bilinear, bicubic or nearest.
        shape: the model's input without the batch, which a raw sample has where `shape` is not said.

    Raises:
        ZooError: it cannot be read, does not fit the shape, or the shape is open and not said.

    >>> parse_preprocessing("scale=1/128 mean=127 resize=crop", (224, 224, 3)).formula
    'crop(x, 224x224, bilinear) * 0.0078125 - 0.9921875'
    >>> parse_preprocessing("caffe shape=224x224x3", (None, None, 3)).offset
    (-103.939, -116.779, -123.68)
    """
    first, _, rest = text.strip().partition(" ")
    said = {**PRESETS[first], **(_pairs(rest, text) if rest else {})} if first in PRESETS else _pairs(text, text)
    if "mean" in said and "offset" in said:
        raise ZooError(f"--preprocess {text!r} gives both mean and offset", "offset is -mean times scale: give one")
    scale = _numbers(said.get("scale", "1"), text)
    offset = _numbers(said.get("offset", "0"), text)
    if "mean" in said:
        offset = tuple(-mean * factor for mean, factor in _paired(_numbers(said["mean"], text), scale, text))
    raw = _shape(said["shape"], text) if "shape" in said else _known(shape, text)
    try:
        return Preprocessing(
            raw, said.get("dtype", "uint8"), _single(scale), _single(offset), said.get("channels", ""),
            said.get("resize", ""), said.get("interpolation", "bilinear"),
        )  # fmt: skip
    except ValueError as error:
        raise ZooError(f"--preprocess {text!r} does not fit: {error}", USAGE) from error


def _known(shape: Sequence[int | None], text: str) -> tuple[int, ...]:
    known = tuple(size for size in shape if size is not None)
    if len(known) < len(shape):
        open_shape = ", ".join("?" if size is None else str(size) for size in shape)
        raise ZooError(
            f"the model's input ({open_shape}) leaves open how large a raw sample is",
            f"say it: --preprocess '{text.strip()} shape={'x'.join(str(size or 224) for size in shape)}'",
        )
    return known


def _pairs(words: str, text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in words.split()]
    found = {key: value for key, _, value in pairs}
    if not words.strip() or not all(equals and value for _, equals, value in pairs):
        raise ZooError(f"--preprocess {text!r} cannot be read", f"{USAGE}. {near(text, PRESETS)}".rstrip(". "))
    unknown = [key for key in found if key not in KEYS]
    if unknown or len(found) < len(pairs):
        raise ZooError(
            f"--preprocess {text!r} has unknown or repeated keys: {', '.join(unknown or found)}",
            f"there are: {', '.join(KEYS)}",
        )
    return found


def _numbers(text: str, whole: str) -> tuple[float, ...]:
    words = text.split(",")
    if not all(NUMBER.fullmatch(word) for word in words):
        raise ZooError(f"--preprocess {whole!r}: {text!r} is no number, nor several with commas between", USAGE)
    try:
        return tuple(_number(word) for word in words)
    except ZeroDivisionError as error:
        raise ZooError(f"--preprocess {whole!r}: {text!r} divides by zero", USAGE) from error


def _number(word: str) -> float:
    numerator, _, denominator = word.partition("/")
    return float(Fraction(numerator) / Fraction(denominator or "1"))


def _paired(first: tuple[float, ...], second: tuple[float, ...], text: str) -> list[tuple[float, float]]:
    """Pair numbers by channel; a single one goes with each of the others."""
    size = max(len(first), len(second))
    if {len(first), len(second)} - {1, size}:
        raise ZooError(f"--preprocess {text!r} gives {len(first)} means and {len(second)} factors", USAGE)
    return list(zip(first * (size // len(first)), second * (size // len(second)), strict=True))


def _single(numbers: tuple[float, ...]) -> float | tuple[float, ...]:
    return numbers[0] if len(numbers) == 1 else numbers


def _shape(text: str, whole: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,6}(x\d{1,6}){0,5}", text):
        raise ZooError(f"--preprocess {whole!r}: {text!r} is no shape", "write such as shape=224x224x3")
    return tuple(int(size) for size in text.split("x"))
