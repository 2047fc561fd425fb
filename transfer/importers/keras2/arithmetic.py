"""Native layers for arithmetic that stands in a model without a layer: `x * 2.0`, `1 - x`, `x + y`."""

from __future__ import annotations

from typing import Any

import keras

from transfer.importers.keras2.graph import Ref

MERGING = {"add": "Add", "subtract": "Subtract", "multiply": "Multiply", "maximum": "Maximum", "minimum": "Minimum"}
ARITHMETIC = (*MERGING, "divide", "negative")


def arithmetic(name: str, left: Any, right: Any, shapes: list[tuple[int | None, ...]]) -> Any:
    """Return the layer that adds, multiplies … two tensors, or a tensor and a constant; None where there is none.

    Args:
        name: one of `ARITHMETIC`.
        left: a `Ref` or a constant.
        right: likewise.
        shapes: of the tensors among the two.
    """
    if name == "negative":
        return keras.layers.Rescaling(-1.0)
    if isinstance(left, Ref) and isinstance(right, Ref):
        same = len(shapes[0]) == len(shapes[1]) and name in MERGING
        return getattr(keras.layers, MERGING[name])() if same else None
    constant = right if isinstance(left, Ref) else left
    if not _scales(constant, shapes[0]):
        return None
    return _with_constant(name, constant, isinstance(left, Ref))


def _with_constant(name: str, constant: Any, tensor_first: bool) -> Any:
    scaled = keras.layers.Rescaling
    negated = [-value for value in constant] if isinstance(constant, list) else -constant
    if name == "add":
        return scaled(1.0, constant)
    if name == "multiply":
        return scaled(constant)
    if name == "subtract":
        return scaled(1.0, negated) if tensor_first else scaled(-1.0, constant)
    if name == "divide" and tensor_first and _nonzero(constant):
        return scaled([1.0 / value for value in constant] if isinstance(constant, list) else 1.0 / constant)
    return keras.layers.ReLU() if name == "maximum" and constant == 0 else None


def is_number(value: Any) -> bool:
    """Tell whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nonzero(value: Any) -> bool:
    return all(item != 0 for item in value) if isinstance(value, list) else value != 0


def _scales(value: Any, shape: tuple[int | None, ...]) -> bool:
    """Tell whether a constant is a number, or one number for each channel."""
    if isinstance(value, list):
        return len(value) in (1, shape[-1]) and all(is_number(item) for item in value)
    return is_number(value)
