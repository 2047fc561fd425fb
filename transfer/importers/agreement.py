"""How far outputs are from those of the original: of an imported model, or of an exported file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError

LARGEST = 1e-4  # relative: float32 rounding through a deep net stays below
TINY = 1e-12
IMPORTED = "the imported model"
Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """How far a model is from its original.

    Attributes:
        largest: the largest absolute difference.
        relative: the largest difference divided by the original's largest value, the worst of all inputs.
    """

    largest: float
    relative: float


def agreement(pairs: Iterable[tuple[Arrays, Arrays]], what: str, hint: str = "", ours: str = IMPORTED) -> Difference:
    """Compare outputs, and refuse a model that computes other numbers.

    Numbers of every kind are compared as float64. Where one of the original's is not finite, that place of that batch
    says nothing; for one batch at least an output must be finite throughout.

    Args:
        pairs: for each batch of inputs the original's outputs and the model's, in the same order and shape.
        what: the original, as an error calls it: `the ONNX model m.onnx`.
        hint: what to do about a difference.
        ours: what is compared with it, as an error calls it.

    Raises:
        ZooError: they differ by more than 1e-4 of the largest output, in shape or in number, a number is not finite
            where the original's is, or the original's are not finite for any batch.
    """
    worst = furthest(pairs, what, hint, ours)
    if not worst.relative <= LARGEST:
        raise ZooError(
            f"{ours} differs from {what}: {worst.relative:.2g} relative, {worst.largest:.2g} absolute; "
            f"at most {LARGEST:g} relative is accepted",
            hint,
        )
    return worst


def furthest(pairs: Iterable[tuple[Arrays, Arrays]], what: str, hint: str = "", ours: str = IMPORTED) -> Difference:
    """Compare outputs, however far they are apart; arguments as `agreement` takes them.

    Raises:
        ZooError: they cannot be compared: they differ in shape or in number, a number is not finite where the
            original's is, or the original's are not finite for any batch.
    """
    outputs = [_output(list(batches), what, ours, hint) for batches in zip(*map(_paired, pairs), strict=True)]
    if not outputs:
        raise ZooError(f"there are no outputs of {what} to compare", hint)
    return Difference(max(one.largest for one in outputs), max(one.relative for one in outputs))


def _paired(pair: tuple[Arrays, Arrays]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return [(np.asarray(one), np.asarray(other)) for one, other in zip(*pair, strict=True)]


def _output(batches: list[tuple[NDArray[Any], NDArray[Any]]], what: str, ours: str, hint: str) -> Difference:
    """Return the worst difference of one output over all batches."""
    found = [_difference(theirs, made, what, ours, hint) for theirs, made in batches]
    if not any(np.isfinite(theirs).all() for theirs, _ in batches):
        raise ZooError(f"the outputs of {what} are not finite on random inputs, so nothing can be compared", hint)
    return Difference(max(one.largest for one in found), max(one.relative for one in found))


def _difference(theirs: NDArray[Any], made: NDArray[Any], what: str, ours: str, hint: str) -> Difference:
    if theirs.shape != made.shape:
        raise ZooError(f"the shape of {ours}'s output is {list(made.shape)}; {what} has {list(theirs.shape)}", hint)
    kind = np.result_type(theirs.dtype, made.dtype, np.float64)  # truth values subtract, whole numbers do not wrap
    told = np.isfinite(theirs)
    expected, got = theirs[told].astype(kind), made[told].astype(kind)
    if strange := int(np.count_nonzero(~np.isfinite(got))):
        raise ZooError(
            f"{ours} differs from {what}: {strange} of {got.size} numbers are not finite where the original's are",
            hint,
        )
    largest = float(np.max(np.abs(expected - got), initial=0.0))
    return Difference(largest, largest / max(float(np.max(np.abs(expected), initial=0.0)), TINY))
