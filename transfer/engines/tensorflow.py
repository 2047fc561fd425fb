"""A trunk in TensorFlow, as one function for batches of any size; what all other engines are compared with."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.feeding import Feed, Sliced
from transfer.files.shown import first_line
from transfer.inputs import Arrays
from transfer.traced import traced


class TensorFlow:
    """An engine; see `transfer.engines.engine.Engine`.

    Raises:
        ZooError: the model cannot take samples of a feed's shapes.
    """

    name = "TensorFlow"
    at_once = 2  # one is handed over while the other is computed

    def __init__(self, trunk: Any, feed: Feed | Sliced) -> None:
        specs = [tf.TensorSpec((None, *shape), kind) for shape, kind in zip(feed.shapes, feed.dtypes, strict=True)]

        def run(*batch: Any) -> list[Any]:
            return list(tf.nest.flatten(trunk(batch[0] if len(batch) == 1 else list(batch), training=False)))

        try:
            self._run = traced(run, *specs)
        except (ValueError, TypeError) as error:
            shapes = ", ".join(map(str, feed.shapes))
            raise ZooError(f"the model cannot take samples of shape {shapes}: {first_line(error)}") from error

    def __call__(self, batch: Arrays) -> Arrays:
        """Return the trunk's outputs for a batch.

        Raises:
            ZooError: it cannot compute with such samples.
        """
        try:
            return tuple(output.numpy() for output in self._run(*(tf.constant(array) for array in batch)))
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            raise ZooError(f"the model cannot compute its outputs for these samples: {first_line(error)}") from error


def build(trunk: Any, feed: Feed | Sliced) -> TensorFlow:
    """Make a trunk ready for samples as a feed has them."""
    return TensorFlow(trunk, feed)


def cost(trunk: Any) -> float:
    """Return about how many seconds it takes to make a trunk ready: none, since it is needed to compare with."""
    return 0.0
