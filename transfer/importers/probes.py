"""Random inputs on which a model and its original are compared. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError

BELOW = 256  # where nothing says how large whole numbers may be: they may be characters, pixels or indices
BATCHES = 3
LARGEST = 1 << 26  # numbers in one input


@dataclass(frozen=True)
class Probe:
    """An input that takes random numbers.

    Attributes:
        shape: with the axis of samples; every size is chosen.
        dtype: of its numbers.
        below: what whole numbers stay below; None for an input that takes real numbers. Indices may be kept as floats.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    below: int | None = None

    def __post_init__(self) -> None:
        if math.prod(self.shape) > LARGEST:
            raise ZooError(
                f"the input is too large to compare the model with its original: {self.shape}; "
                f"expected at most {LARGEST:,} numbers",
                "the file may be damaged: download or convert it again",
            )

    @classmethod
    def of(cls, shape: Sequence[int | None], dtype: str, samples: int, size: int, below: int | None = None) -> Probe:
        """Return the probe of an input, of which sizes may be open.

        Args:
            shape: with the axis of samples first; None where a size is open.
            dtype: of its numbers.
            samples: how many there are, where that is open.
            size: for all other open sizes.
            below: what whole numbers stay below, where that is known.
        """
        chosen = tuple((size if axis else samples) if one is None else one for axis, one in enumerate(shape))
        return cls(chosen, dtype, below)

    def batches(self, seed: int | Sequence[int]) -> list[NDArray[Any]]:
        """Return `BATCHES` arrays: in [0, 1), standard normal, and ten times as large; or whole numbers thrice."""
        draws, kind = np.random.default_rng(seed), np.dtype(self.dtype)
        if kind.kind == "f" and self.below is None:
            found = [
                draws.random(self.shape),
                draws.standard_normal(self.shape),
                10 * draws.standard_normal(self.shape),
            ]
            return [array.astype(kind) for array in found]
        most = 2 if kind.kind == "b" else min(self.below or BELOW, np.iinfo(kind).max if kind.kind in "iu" else BELOW)
        return [draws.integers(0, max(most, 1), self.shape).astype(kind) for _ in range(BATCHES)]


def rows_of(model: Any) -> int:
    """Return what whole numbers have to stay below: the rows of the model's smallest table, where that is small."""
    return min([BELOW, *(int(layer.input_dim) for layer in model.layers if hasattr(layer, "input_dim"))])


def probes(inputs: Sequence[Probe], seed: int) -> list[list[NDArray[Any]]]:
    """Return batches of random inputs: of several scales, so that bends of activations lie between them.

    Args:
        inputs: of the model, in order.
        seed: every input has its own numbers, which others do not change.

    >>> [[array.shape for array in batch] for batch in probes([Probe((2, 3)), Probe((2,), "int32", 9)], 0)]
    [[(2, 3), (2,)], [(2, 3), (2,)], [(2, 3), (2,)]]
    """
    drawn = [one.batches(seed + place) for place, one in enumerate(inputs)]
    return [list(batch) for batch in zip(*drawn, strict=True)]
