"""`keras:NAME`: any architecture of `keras.applications`, without weights.

    keras:MobileNetV2
    keras:MobileNetV2?input_shape=96x96x3&classes=10&alpha=0.5&include_top=false

The options are those of the class's own constructor; https://keras.io/api/applications.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import keras

from registry.errors import ZooError, near
from transfer.files.shown import first_line

PREFIX = "keras:"
NEVER = ("weights", "input_tensor", "name")  # a file says what the weights are; the others are no text
LARGEST = 1 << 16  # of any number in a shape, and of classes


@dataclass(frozen=True)
class Asked:
    """A parsed `keras:NAME?option=value`."""

    name: str
    options: tuple[tuple[str, str], ...] = ()


def is_architecture(text: str) -> bool:
    """Tell whether a text names an architecture of Keras rather than a model of the catalogue."""
    return text.startswith(PREFIX)


def parse(text: str) -> Asked:
    """Parse the text.

    >>> parse("keras:MobileNetV2?classes=10")
    Asked(name='MobileNetV2', options=(('classes', '10'),))

    Raises:
        ZooError: it names nothing, or an option has no value.
    """
    name, mark, query = text.removeprefix(PREFIX).partition("?")
    try:
        options = tuple(parse_qsl(query, strict_parsing=True, keep_blank_values=False)) if mark else ()
    except ValueError as error:
        raise ZooError(f"the options of {text!r} are no list of option=value: {error}", _example()) from error
    if not name or len(dict(options)) != len(options):
        raise ZooError(f"{text!r} names no architecture, or an option twice", _example())
    return Asked(name, options)


def architecture(text: str, seed: int = 0) -> Any:
    """Make the functional model that a text names, with random weights.

    Args:
        text: `keras:NAME` with options.
        seed: of the random weights.

    Raises:
        ZooError: there is no such architecture or option, or the options do not go together.
    """
    asked = parse(text)
    make = _maker(asked.name)
    parameters = inspect.signature(make).parameters
    options = {name: _value(name, value, parameters, asked.name) for name, value in asked.options}
    keras.utils.set_random_seed(seed)
    try:
        return make(weights=None, **options)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise ZooError(f"{asked.name} cannot be made with {_shown(asked)}: {first_line(error)}", _example()) from error


def names() -> list[str]:
    """List the architectures of this version of Keras."""
    return sorted(name for name, made in vars(keras.applications).items() if _is_maker(made))


def _maker(name: str) -> Callable[..., Any]:
    known = {one.lower(): one for one in names()}
    exact = known.get(name.lower())
    if exact is None:
        raise ZooError(f"keras.applications has no {name!r}", near(name, names()))
    maker: Callable[..., Any] = getattr(keras.applications, exact)
    return maker


def _is_maker(made: Any) -> bool:
    return inspect.isfunction(made) and "weights" in inspect.signature(made).parameters


def _value(name: str, text: str, parameters: Any, architecture: str) -> Any:
    variadic = inspect.Parameter.VAR_KEYWORD
    open_ = [one for one, what in parameters.items() if one not in NEVER and what.kind is not variadic]
    if name not in open_:
        raise ZooError(f"{architecture} has no option {name!r}", near(name, open_))
    if name == "input_shape":
        return _shape(text)
    default = parameters[name].default
    if name.startswith("include_") or isinstance(default, bool):
        return _boolean(name, text)
    return _number(name, text, default)


def _shape(text: str) -> tuple[int | None, ...]:
    sizes = tuple(None if size in ("", "?", "None") else size for size in text.lower().split("x"))
    if len(sizes) != 3 or any(size is not None and not size.isdecimal() for size in sizes):
        raise ZooError(f"input_shape={text} is no shape; expected height, width and channels, such as 96x96x3")
    numbers = tuple(None if size is None else int(size[:9]) for size in sizes)
    if any(number is not None and not 1 <= number <= LARGEST for number in numbers):
        raise ZooError(f"input_shape={text} is out of range; expected sizes from 1 to {LARGEST}")
    return numbers


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ZooError(f"{name}={text} is neither true nor false")
    return text.lower() == "true"


def _number(name: str, text: str, default: Any) -> Any:
    if default is None or isinstance(default, str):  # pooling, classifier_activation
        return None if text.lower() == "none" else text
    try:
        number = type(default)(text)
    except (ValueError, TypeError) as error:
        raise ZooError(f"{name}={text} is not of the type of its default, {default!r}") from error
    if not 0 <= number <= LARGEST:
        raise ZooError(f"{name}={text} is out of range; expected 0 to {LARGEST}")
    return number


def _shown(asked: Asked) -> str:
    return "&".join(f"{name}={value}" for name, value in asked.options) or "its defaults"


def _example() -> str:
    return "such as keras:MobileNetV2?input_shape=96x96x3&classes=10"
