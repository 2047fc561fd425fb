"""A model called as it is, operation by operation: with few samples that is done before a function of it is traced."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.backbone import nodes
from transfer.files.shown import first_line
from transfer.inputs import Arrays

EAGER_BYTES = 2**29  # of all layers' outputs, which are there together: a call holds each of them to its end


class Eager:
    """An engine; see `transfer.engines.engine.Engine`."""

    name = "TensorFlow"
    at_once = 1

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, batch: Arrays) -> Arrays:
        """Return the model's outputs for a batch.

        Raises:
            ZooError: it cannot take or compute with such samples.
        """
        given = [tf.constant(array) for array in batch]
        try:
            outputs = self._model(given[0] if len(given) == 1 else given, training=False)
        except (ValueError, TypeError) as error:
            shapes = ", ".join(str(array.shape[1:]) for array in batch)
            raise ZooError(f"the model cannot take samples of shape {shapes}: {first_line(error)}") from error
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            raise ZooError(f"the model cannot compute its outputs for these samples: {first_line(error)}") from error
        return tuple(output.numpy() for output in tf.nest.flatten(outputs))


def suits(model: Any, n: int) -> bool:
    """Tell whether `n` samples are few for a model."""
    made = [tensor for _, _, outputs in nodes(model) for tensor in outputs]
    return 4 * n * sum(math.prod(size or 64 for size in tensor.shape[1:]) for tensor in made) <= EAGER_BYTES
