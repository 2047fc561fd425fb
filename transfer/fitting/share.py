"""One worker's part of a phase that several train together, the same numbers as one would have of the same batches.

Each worker computes the gradients of its samples of a batch; what they add up to is the gradient of the batch, on which
all take the same step. So weights, figures and the decision to stop are the same everywhere, but for the rounding of
sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from transfer.fitting.health import SAMPLES


@dataclass(frozen=True)
class Share:
    """The part of a worker; by default all of it.

    Attributes:
        rank: its number, from 0.
        workers: how many there are.
        total: adds up a vector `(n,) float32` over the workers, in the graph, and can be differentiated.
    """

    rank: int = 0
    workers: int = 1
    total: Callable[[Any], Any] = lambda vector: vector

    @property
    def whole(self) -> bool:
        """Whether there is no one else."""
        return self.workers == 1

    def part(self, size: int) -> slice:
        """Return which of so many samples are its own.

        >>> [Share(rank, 3).part(8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(size * self.rank // self.workers, size * (self.rank + 1) // self.workers)

    def own(self, batch: Any, axis: int = 0) -> Any:
        """Return its part of a batch, along an axis whose size is known."""
        if self.whole:
            return batch
        mine = self.part(batch.shape[axis])
        return batch[mine] if axis == 0 else batch[:, mine]

    def mean(self, losses: Any, size: int) -> Any:
        """Return what its samples' losses add to the mean over a batch of a size."""
        return tf.reduce_mean(losses) if self.whole else tf.reduce_sum(losses) / size

    def once(self, losses: Sequence[Any]) -> Any:
        """Return what its part of penalties is, which count once for all."""
        return sum(losses) if self.rank == 0 else 0.0

    def sum(self, tensors: Sequence[Any]) -> list[Any]:
        """Add up each of some tensors over the workers, in one exchange; None stands for what nobody has."""
        if self.whole:
            return list(tensors)
        dense = [tf.convert_to_tensor(one) for one in tensors if one is not None]
        vector = self.total(tf.concat([tf.reshape(one, [-1]) for one in dense], 0))
        parts = iter(tf.split(vector, [one.shape.num_elements() for one in dense]))
        return [None if one is None else tf.reshape(next(parts), one.shape) for one in tensors]

    def gathered(self, vector: Any) -> Any:
        """Return the vectors `(n,)` of all workers, `(workers, n)`."""
        placed = tf.one_hot(self.rank, self.workers)[:, tf.newaxis] * vector[tf.newaxis]
        return tf.reshape(self.total(tf.reshape(placed, [-1])), placed.shape)

    def at_once(self, n: int, most: int) -> int:
        """Say how many of `n` samples to judge at once, so that all workers have some.

        The first batch holds those whose activations are looked at, as it does where there is one worker.
        """
        return most if self.whole else min(most, max(SAMPLES, math.ceil(n / self.workers)))

    def dealt(self, batches: Any) -> Any:
        """Return the batches that it judges: every so many."""
        return batches if self.whole else batches[self.rank :: self.workers]

    def first(self, place: Any) -> Any:
        """Tell whether the batch at a place of those dealt is the first of all."""
        return place == 0 if self.rank == 0 else tf.constant(False)


ALONE = Share()
