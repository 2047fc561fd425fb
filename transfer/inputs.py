"""A model's inputs, and samples as they take them: one array an input, in the model's order. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.dataset import Array, Samples
from transfer.prepare import is_raw, prepare, shaped

WHOLE = ("int", "uint", "bool")
FLOATING = ("float", "bfloat")
Arrays = tuple[Array, ...]  # one an input, in the model's order


@dataclass(frozen=True)
class ModelInput:
    """What a model takes at one of its inputs.

    Attributes:
        name: the input layer's scope.
        shape: one sample's shape; None where a size may vary.
        dtype: of its numbers, such as `float32` or `int32`.
        indices: where an embedding reads it: how many indices that knows, counted from 0.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    indices: int | None = None

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers (or truth values) that no preprocessing applies to."""
        return self.dtype.startswith(WHOLE)

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest whole number that it takes."""
        low, high = _range_of(self.dtype) if self.whole else (0, 2**62)
        return (low, high) if self.indices is None else (0, min(high, self.indices - 1))

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({sizes}) {self.dtype}"


def feed(samples: Samples, inputs: Sequence[ModelInput], how: Preprocessing | None, where: str = "the data") -> Arrays:
    """Return samples as a model takes them, one array `(n, *shape)` an input; float32, or the input's whole numbers.

    A floating-point input is prepared by the card (`transfer.prepare`). Where a model has several inputs, the card's
    preprocessing belongs to those whose raw samples have the shape that it states, or are resized to it. Whole numbers
    for an input that takes such, or that an embedding reads, are passed on as they are.

    Args:
        samples: one array, or one an input by name; arrays of other names are not looked at.
        inputs: what the model takes.
        how: the card's preprocessing; None where it is not known.
        where: what the data are called in an error.

    Raises:
        ZooError: an input has no array, or one that it cannot take; or the arrays have not as many rows.
    """
    arrays = _matched(samples, inputs, where)
    if len(inputs) == 1:
        return (_prepared(arrays[0], inputs[0], how, where),)
    prepared = []
    for array, one in zip(arrays, inputs, strict=True):
        fitting = how if how is not None and is_raw(array.shape[1:], how) else None
        prepared.append(_prepared(array, one, fitting, f"{where}: input {one.name}:"))
    return tuple(prepared)


def _matched(samples: Samples, inputs: Sequence[ModelInput], where: str) -> list[Array]:
    arrays = _found(samples, inputs, where)
    for array in arrays:
        if array.ndim == 0 or array.dtype.kind not in "uifb":
            raise ZooError(f"{where} hold no numbers (n, ...): got {array.dtype} {array.shape}")
    if len({len(array) for array in arrays}) > 1:
        rows = ", ".join(f"{one.name} {len(array)}" for one, array in zip(inputs, arrays, strict=True))
        raise ZooError(f"{where} have not as many rows for each input: {rows}")
    return arrays


def _found(samples: Samples, inputs: Sequence[ModelInput], where: str) -> list[Array]:
    takes = ", ".join(str(one) for one in inputs)
    if not isinstance(samples, Mapping):
        if len(inputs) == 1:
            return [samples]
        raise ZooError(
            f"{where} are one array; the model has {len(inputs)} inputs: {takes}",
            "give each input its own array, in an .npz: x_train.NAME to transfer and evaluate, NAME to predict",
        )
    missing = [one.name for one in inputs if one.name not in samples]
    if missing:
        raise ZooError(
            f"{where} have no array for the input {', '.join(missing)}; they have {', '.join(samples) or 'none'}",
            f"the model takes {takes}",
        )
    return [samples[one.name] for one in inputs]


def _prepared(array: Array, one: ModelInput, how: Preprocessing | None, where: str) -> Array:
    if not one.dtype.startswith((*WHOLE, *FLOATING)):
        raise ZooError(
            f"{where} cannot be given: the model takes {one.dtype} at {one.name}",
            "cut the model above the first layer that gives numbers",
        )
    if one.whole and array.dtype.kind not in "uib":
        raise ZooError(
            f"{where} are {array.dtype}; the model takes {one.dtype} at {one.name}", "pass whole numbers, such as int32"
        )
    if one.whole or (one.indices is not None and array.dtype.kind in "uib"):
        _check_limits(array, one, where)
        kind = one.dtype if one.whole else "float32"
        return np.ascontiguousarray(shaped(array, one.shape, where), dtype=kind)
    prepared: NDArray[np.float32] = prepare(array, one.shape, how, where)
    if one.indices is not None:
        _check_limits(prepared, one, where)
    return prepared


def _check_limits(array: Array, one: ModelInput, where: str) -> None:
    low, high = one.limits
    wrong = (array < low) | (array > high)
    if wrong.any():
        row = int(np.flatnonzero(wrong.reshape(len(array), -1).any(axis=1))[0])
        value = array[row].reshape(-1)[wrong[row].reshape(-1)][0]
        raise ZooError(f"{where} hold {value} in row {row}; the model takes {low} to {high} at {one.name}")


def _range_of(dtype: str) -> tuple[int, int]:
    if dtype == "bool":
        return 0, 1
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)
