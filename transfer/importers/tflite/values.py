"""What a tensor of a `.tflite` graph is while the graph becomes layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from transfer.importers.native import Tensor


@dataclass(frozen=True)
class Samples:
    """As many as there are samples, times a number."""

    times: int = 1


Size = int | Samples


@dataclass(frozen=True)
class Sizes:
    """Whole numbers that are computed from a tensor's shape."""

    values: tuple[Size, ...]


@dataclass(frozen=True)
class Rows:
    """A tensor whose axes but the last the file has merged into one, as it does before a product with a matrix."""

    tensor: Tensor


@dataclass(frozen=True)
class Spaced:
    """What SPACE_TO_BATCH_ND makes: the frame of a dilated convolution.

    Attributes:
        tensor: padded, with its samples as they were.
        block: the dilation, for height and width.
    """

    tensor: Tensor
    block: tuple[int, int]


Value = Tensor | NDArray[Any] | Sizes | Spaced | Rows
