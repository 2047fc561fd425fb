"""What is known of a tensor before the model runs, with the number of samples still open.

Exported graphs compute shapes: `Shape`, `Gather`, `Concat`, then `Reshape`. Such a part is computed twice, as if the
batch had 2 and 3 samples and each other open size two sizes of its own. What comes out the same both times is a
constant; what comes out 2 and 3 is the batch; what differs otherwise depends on an open size. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BATCHES = (2, 3)
OPEN = (100_003, 100_019)  # primes, so that no size that a file declares is taken for one
Sizes = tuple[int, int]


@dataclass(frozen=True)
class Known:
    """A tensor's numbers for two sizes of the batch; one array twice where they do not depend on it.

    Attributes:
        worlds: the two arrays.
        sources: the names of the weights that they come from.
        guessed: whether they are the same only for these sizes, perhaps: whether 2 and 3 are both below 9 says
            nothing of other batches.
    """

    worlds: tuple[Array, Array]
    sources: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def fixed(self) -> Array | None:
        """The numbers where both are the same for all sizes, else None."""
        return None if self.guessed else self.same

    @property
    def same(self) -> Array | None:
        """The numbers where both are the same, else None."""
        first, second = self.worlds
        return first if first is second or np.array_equal(first, second, equal_nan=_floats(first)) else None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first."""
        return self.worlds[0].shape


def _floats(array: Array) -> bool:
    return array.dtype.kind == "f"


def constant(array: Array, *sources: str) -> Known:
    """Return what holds for every batch."""
    return Known((array, array), sources)


def together(compute: Callable[..., Any], values: Sequence[Known | None], judges: bool = False) -> tuple[Known, ...]:
    """Compute with known tensors, in both worlds.

    Args:
        compute: takes a list of arrays, None for one that is left out; returns an array or a list of arrays.
        values: the tensors.
        judges: whether it makes other numbers of them, rather than taking some: equal results may then be chance.
    """
    sources = tuple(dict.fromkeys(name for value in values if value for name in value.sources))
    once = all(value is None or value.worlds[0] is value.worlds[1] for value in values)
    first = _listed(compute([value and value.worlds[0] for value in values]))
    second = first if once else _listed(compute([value and value.worlds[1] for value in values]))
    doubtful = any(value.guessed or (judges and value.same is None) for value in values if value)
    found = [Known(pair, sources) for pair in zip(first, second, strict=True)]
    return tuple(
        replace(one, guessed=doubtful and one.same is not None) if judges else replace(one, guessed=doubtful)
        for one in found
    )


def _listed(found: Any) -> list[Array]:
    return [np.asarray(array) for array in (found if isinstance(found, list) else [found])]


def sizes(shape: Sequence[int | None], batch: int) -> tuple[Sizes, ...]:
    """Return a shape's sizes in both worlds.

    Args:
        shape: None for an open size.
        batch: which of the axes is the batch.
    """
    return tuple(
        BATCHES if axis == batch else OPEN if size is None else (size, size) for axis, size in enumerate(shape)
    )


def shape_known(shape: Sequence[int | None], batch: int) -> Known:
    """Return a shape as a tensor of int64."""
    first, second = (np.array([pair[world] for pair in sizes(shape, batch)], np.int64) for world in (0, 1))
    return Known((first, second))
