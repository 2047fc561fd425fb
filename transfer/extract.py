"""Run a model forward over many samples, in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from registry.errors import ZooError
from registry.watch import Watch, silent

BATCH_BYTES = 64 * 2**20
MAX_BATCH = 4096


def batch_size(model: Any) -> int:
    """Choose how many samples go through at once: the largest activations are to fit in 64 MB."""
    shapes = [tensor.shape[1:] for layer in model.layers for tensor in _outputs(layer)]
    widest = max(math.prod(size or 64 for size in shape) for shape in shapes)
    return int(max(1, min(MAX_BATCH, BATCH_BYTES // (4 * widest))))


def forward(
    model: Any, x: NDArray[np.float32], *, stage: str = "extract", watch: Watch = silent
) -> Iterator[tuple[slice, tuple[NDArray[np.float32], ...]]]:
    """Yield a model's outputs in inference mode, batch by batch.

    Args:
        model: one input; one or several outputs.
        x: `(n, ...) float32`.
        stage: what to call the work.
        watch: where to report it.

    Yields:
        The rows, and one array `(rows, ...) float32` an output.
    """
    step = batch_size(model)

    spec = tf.TensorSpec((None, *x.shape[1:]), tf.float32)
    run = tf.function(lambda batch: tf.nest.flatten(model(batch, training=False))).get_concrete_function(spec)
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        yield rows, tuple(output.numpy() for output in run(tf.constant(x[rows])))
        watch(stage, rows.stop, len(x))


def outputs(model: Any, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the single output of a model for all samples, `(n, ...) float32`.

    Raises:
        ZooError: an output is not finite.
    """
    batches = [arrays[0] for _, arrays in forward(model, x)]
    if not all(np.isfinite(arrays).all() for arrays in batches):
        raise ZooError("the model's outputs are not finite", "are some inputs far too large?")
    return np.concatenate(batches) if batches else np.zeros((0, *model.outputs[0].shape[1:]), np.float32)


def _outputs(layer: Any) -> list[Any]:
    return [tensor for node in layer._inbound_nodes for tensor in node.outputs]
