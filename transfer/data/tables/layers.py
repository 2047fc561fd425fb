"""The encoding of raw columns as Keras layers, so that a published model takes raw rows in plain Keras.

Only built-in layers and operations: the model opens in safe mode wherever Keras 3 runs on TensorFlow. The numbers are
those of `encode.py`: the same float32 operations in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from registry.columns import Column
from registry.errors import ZooError
from transfer.scope import layer_name

PREFIX = "preprocess"


def table_layers(columns: Sequence[Column]) -> tuple[dict[str, Any], Any]:
    """Build symbolic inputs for raw columns, and their encoding.

    Args:
        columns: as they were fitted to training rows.

    Returns:
        The inputs by name, one a column, `(n, 1)`: float32 for numbers (NaN where missing) and dates (days since
        1970-01-01), texts for categories (empty where missing); and what `encode` gives, `(n, width) float32`. An
        input is called as its column, with `>` in place of `/`, which Keras forbids.

    Raises:
        ZooError: two columns would be called the same.
    """
    names = [layer_name(column.name) for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ZooError(f"two columns would be called {name!r} in Keras, which forbids /", "rename one of them")
    inputs = {name: _input(name, column) for name, column in zip(names, columns, strict=True)}
    numbers = [index for index, column in enumerate(columns) if column.kind != "category"]
    parts: list[Any] = []
    places: list[tuple[int, int]] = []
    if numbers:
        parts, places = _numbers([inputs[names[index]] for index in numbers], [columns[i] for i in numbers], numbers)
    for index, column in enumerate(columns):
        if column.kind == "category":
            parts.append(_category(inputs[names[index]], column, index))
            places += [(index, place) for place in range(column.width)]
    return inputs, _in_order(_beside(parts, "encoded"), places)


def _input(name: str, column: Column) -> Any:
    return keras.Input((1,), name=name, dtype="string" if column.kind == "category" else "float32")


def _numbers(inputs: list[Any], columns: list[Column], indices: list[int]) -> tuple[list[Any], list[tuple[int, int]]]:
    """Encode all numbers at once: first their values, then whether those are missing that may be."""
    raw = _beside(inputs, "numbers")
    missing = _named("missing", keras.ops.isnan(raw))
    mean = _constant(column.mean for column in columns)
    filled = _named("filled", keras.ops.where(missing, mean, raw))
    centred = _named("centred", keras.ops.subtract(filled, mean))
    scaled = _named("scaled", keras.ops.multiply(centred, _constant(column.scale for column in columns)))
    places = [(index, 0) for index in indices]
    lacking = [at for at, column in enumerate(columns) if column.missing]
    if not lacking:
        return [scaled], places
    flags = _named("lacking", keras.ops.take(missing, lacking, axis=1))
    return [scaled, _named("flags", keras.ops.cast(flags, "float32"))], places + [(indices[at], 1) for at in lacking]


def _constant(values: Any) -> Any:
    return np.array([list(values)], np.float32)


def _category(raw: Any, column: Column, index: int) -> Any:
    unknown = "[UNK]"
    while unknown in column.values:  # Keras forbids its word for what is not known among what is
        unknown = f"[{unknown}]"
    lookup = keras.layers.StringLookup(
        vocabulary=list(column.values), oov_token=unknown, output_mode="one_hot", name=_called(f"category{index}")
    )
    return _named(f"places{index}", keras.ops.cast(lookup(raw), "float32"))


def _beside(parts: list[Any], name: str) -> Any:
    return keras.layers.Concatenate(name=_called(name))(parts) if len(parts) > 1 else parts[0]


def _in_order(encoded: Any, places: list[tuple[int, int]]) -> Any:
    """Put the numbers in the columns' order."""
    order = sorted(range(len(places)), key=places.__getitem__)
    return encoded if order == list(range(len(order))) else _named("order", keras.ops.take(encoded, order, axis=1))


def _named(name: str, tensor: Any) -> Any:
    """Name the operation that made a tensor, which `keras.ops` cannot be told; its own name may be another layer's."""
    tensor._keras_history.operation.name = _called(name)
    return tensor


def _called(name: str) -> str:
    return layer_name(f"{PREFIX}/{name}")
