"""How training images are changed at random, as people write it: `flip,crop=0.1,color=0.2,rotate=10`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from registry.errors import ChoiceError, near

NUMBER = re.compile(r"\d{1,4}(\.\d{0,6})?|\.\d{1,6}")
MOST: Mapping[str, float] = {"crop": 0.5, "color": 1.0, "rotate": 180.0, "mixup": 10.0}
USUAL: Mapping[str, float] = {"crop": 0.1, "color": 0.2, "rotate": 10.0, "mixup": 0.2}
KNOWN = "flip, " + ", ".join(f"{name}={value:g}" for name, value in USUAL.items())


@dataclass(frozen=True)
class Augment:
    """What is drawn anew for each image and step; 0 leaves a part out.

    Attributes:
        flip: left and right are exchanged in half of the images.
        crop: images are enlarged by up to this share of their size, and shifted by up to half of it; the edge is
            filled with its reflection.
        color: brightness moves by up to this share of the range, contrast by this factor, and so does saturation where
            there are three colours.
        rotate: by up to so many degrees to either side; the edge is filled with its reflection.
        mixup: alpha of the beta distribution that weighs two images and their labels (arXiv:1710.09412).
    """

    flip: bool = False
    crop: float = 0.0
    color: float = 0.0
    rotate: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name):g}; expected 0 to {most:g}")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """The text; the inverse of `parse_augment`.

        >>> str(Augment(flip=True, rotate=5.0))
        'flip,rotate=5'
        """
        numbers = [(name, getattr(self, name)) for name in MOST]
        return ",".join([*(["flip"] if self.flip else []), *(f"{name}={value:g}" for name, value in numbers if value)])


def parse_augment(text: str) -> Augment:
    """Read what a user says; a name without a number means its usual one.

    Raises:
        ChoiceError: it cannot be read; the hint lists what there is.

    >>> parse_augment("flip,crop=0.2,mixup")
    Augment(flip=True, crop=0.2, color=0.0, rotate=0.0, mixup=0.2)
    """
    found: dict[str, float | bool] = {}
    for word in text.split(","):
        name, value = _pair(word.strip(), text)
        if name in found:
            raise ChoiceError(f"--augment {text!r} names {name} twice", f"there are: {KNOWN}")
        found[name] = value
    try:
        return Augment(**found)  # type: ignore[arg-type]  # flip is a bool, the others are numbers: `_pair`
    except ValueError as error:
        raise ChoiceError(f"--augment {text!r}: {error}", f"such as: {KNOWN}") from error


def _pair(word: str, text: str) -> tuple[str, float | bool]:
    name, equals, value = word.partition("=")
    if name not in ("flip", *USUAL):
        hint = f"there are: {KNOWN}. {near(name, ('flip', *USUAL))}".rstrip(". ")
        raise ChoiceError(f"--augment {text!r} has an unknown part: {word!r}", hint)
    if not equals:
        return name, True if name == "flip" else USUAL[name]
    if name == "flip" or not NUMBER.fullmatch(value):
        expected = "flip takes no number" if name == "flip" else f"{name} takes a number from 0 to {MOST[name]:g}"
        raise ChoiceError(f"--augment {text!r}: {word!r} cannot be read: {expected}", f"such as: {KNOWN}")
    return name, float(value)
