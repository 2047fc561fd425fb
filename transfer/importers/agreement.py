"""How far a model's outputs are from its original's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError

LARGEST = 1e-4  # relative: float32 rounding through a deep net stays below
TINY = 1e-12
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


def agreement(pairs: Iterable[tuple[Arrays, Arrays]], what: str, hint: str = "") -> Difference:
    """Compare outputs, and refuse a model that computes other numbers.

    Args:
        pairs: for each batch of inputs the original's outputs and the model's, in the same order and shape.
            A batch for which the original's are not finite says nothing and is left out.
        what: the original, as an error calls it: `the ONNX model m.onnx`.
        hint: what to do about a difference.

    Raises:
        ZooError: they differ by more than 1e-4 of the largest output, in shape or in number, or nothing is finite.
    """
    finite = [(theirs, ours) for theirs, ours in pairs if all(np.isfinite(array).all() for array in theirs)]
    if not finite:
        raise ZooError(f"the outputs of {what} are not finite on random inputs, so nothing can be compared", hint)
    found = [_difference(t, o, what) for theirs, ours in finite for t, o in zip(theirs, ours, strict=True)]
    worst = Difference(max(d.largest for d in found), max(d.relative for d in found))
    if not worst.relative <= LARGEST:
        raise ZooError(
            f"the imported model differs from {what}: {worst.relative:.2g} relative, {worst.largest:.2g} absolute; "
            f"at most {LARGEST:g} relative is accepted",
            hint,
        )
    return worst


def _difference(theirs: NDArray[Any], ours: NDArray[Any], what: str) -> Difference:
    if theirs.shape != ours.shape:
        raise ZooError(f"the imported model's output is {list(ours.shape)}, that of {what} {list(theirs.shape)}")
    largest = float(np.max(np.abs(theirs - ours), initial=0.0))
    return Difference(largest, largest / max(float(np.max(np.abs(theirs), initial=0.0)), TINY))


def probes(shape: Sequence[int], seed: int) -> list[NDArray[np.float32]]:
    """Return random float32 inputs of a shape: in [0, 1], standard normal, and ten times as large."""
    draws = np.random.default_rng(seed)
    found = [draws.random(shape), draws.standard_normal(shape), 10 * draws.standard_normal(shape)]
    return [array.astype(np.float32) for array in found]
