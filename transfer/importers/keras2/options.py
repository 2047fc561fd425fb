"""What an operation is called with, by name: arguments, keywords, and a node's constants and attributes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

# They change no number of a result: names, and what a layer with channels last does anyway.
IDLE: dict[str, tuple[Any, ...]] = {
    "data_format": ("NHWC", "NWC", "NDHWC", "channels_last"),
    "mode": ("CONSTANT", "constant"),
    "validate_indices": (True,),
}
TYPES = {"DT_FLOAT": "float32", "DT_HALF": "float16", "DT_DOUBLE": "float64", "DT_BFLOAT16": "bfloat16"}


class RefusedError(Exception):
    """An option that no native layer has; the message is its name and value."""


def named(
    args: Sequence[Any], keywords: Mapping[str, Any], takes: Sequence[Sequence[str]], tensors: int = 1
) -> dict[str, Any]:
    """Return options by the first of their names.

    Args:
        args: by place, the tensors first.
        keywords: by any name.
        takes: what the arguments after the tensors are called, in their order.
        tensors: how many come first.

    >>> named(["x", 0, 6], {"name": "clip"}, [["x_min"], ["x_max"]])
    {'x_min': 0, 'x_max': 6}

    Raises:
        RefusedError: there is one that `takes` does not name and that would change the result.
    """
    found: dict[str, Any] = {}
    first = {alias: names[0] for names in takes for alias in names}
    for place, value in enumerate(args[tensors:]):
        if place < len(takes):
            found[takes[place][0]] = value
        elif value is not None:
            raise RefusedError(f"argument {tensors + place + 1}: {str(value)[:40]}")
    for key, value in keywords.items():
        if key in first and value is not None:
            found[first[key]] = value
        elif key not in first and not _is_idle(key, value):
            raise RefusedError(f"{key[:40]}={str(value)[:40]}")
    return {key: value for key, value in found.items() if value is not None}


def attributes(given: Any) -> dict[str, Any]:
    """Return a node's attributes as options: without types of its inputs, and what begins with `_`.

    >>> attributes({"T": {"type": "DT_FLOAT"}, "alpha": {"f": 0.1}, "DstT": {"type": "DT_INT32"}})
    {'alpha': 0.1, 'dtype': 'DT_INT32'}
    """
    if not isinstance(given, Mapping):
        return {}
    found = {}
    for key, value in given.items():
        if key == "DstT" and isinstance(value, Mapping):
            found["dtype"] = TYPES.get(str(value.get("type")), value.get("type"))
        elif key != "N" and not key.startswith("_") and not (isinstance(value, Mapping) and "type" in value):
            found[key] = _value(value)
    return found


def _value(given: Any) -> Any:
    """Read an AttrValue as JSON has it (tensorflow/core/framework/attr_value.proto): 64-bit numbers are texts."""
    if not isinstance(given, Mapping) or len(given) != 1:
        return given
    (kind, value), *_ = given.items()
    try:
        if kind == "list" and isinstance(value, Mapping):
            return [int(item) for item in value.get("i", [])] or None
        reads: dict[str, Any] = {"i": int, "f": float, "b": bool, "s": lambda text: base64.b64decode(text).decode()}
        return reads[kind](value)
    except (KeyError, ValueError, TypeError):
        return given


def _is_idle(key: str, value: Any) -> bool:
    return key == "name" or value is None or value is False or value in IDLE.get(key, ())
