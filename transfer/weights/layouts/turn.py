"""A turn: what is done to the arrays of a file until they are a weight of the model. Pure NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.weights.target import Shape

Array = NDArray[Any]
SPATIAL = {0: "", 1: "W", 2: "HW", 3: "DHW"}


@dataclass(frozen=True)
class Turn:
    """What is done to one or more arrays.

    Attributes:
        label: for people, such as `OIHW -> HWIO`; empty where they are taken as they are.
        make: does it.
    """

    label: str
    make: Callable[[Sequence[Array]], Array]


def one(label: str, make: Callable[[Array], Array]) -> Turn:
    """Return the turn of a single array."""
    return Turn(label, lambda arrays: make(arrays[0]))


def as_is(label: str = "") -> Turn:
    """Return the turn that changes nothing."""
    return one(label, lambda array: array)


def kernel_axes(rank: int) -> tuple[int, ...]:
    """Return how the axes of (out, in, *spatial) become (*spatial, in, out).

    >>> kernel_axes(4)
    (2, 3, 1, 0)
    """
    return (*range(2, rank), 1, 0)


def from_channels_first(rows: Sequence[Shape]) -> NDArray[np.int64]:
    """Return, for each number of flattened maps (h, w, c), its place where they were flattened as (c, h, w).

    >>> from_channels_first([(2, 1, 3), (2,)]).tolist()
    [0, 2, 4, 1, 3, 5, 6, 7]
    """
    places, start = [], 0
    for shape in rows:
        size = math.prod(shape)
        source = np.arange(start, start + size).reshape(shape[-1], *shape[:-1])
        places.append(np.moveaxis(source, 0, -1).reshape(-1))
        start += size
    return np.concatenate(places)
