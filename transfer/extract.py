"""Run a model forward over many samples, in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.backbone import nodes, tensor_names
from transfer.data.dataset import Array
from transfer.data.records import Rows
from transfer.engines.eager import Eager, suits
from transfer.engines.engine import Engine
from transfer.engines.tensorflow import TensorFlow
from transfer.feeding import Feed, Sliced, every
from transfer.inputs import Arrays
from transfer.pieced import Held
from transfer.side_by_side import side_by_side

BATCH_BYTES = 64 * 2**20
MAX_BATCH = 4096


def batch_size(model: Any) -> int:
    """Choose how many samples go through at once: the largest activations are to fit in 64 MB."""
    shapes = [tensor.shape[1:] for _, _, outputs in nodes(model) for tensor in outputs]
    widest = max(math.prod(size or 64 for size in shape) for shape in shapes)
    return int(max(1, min(MAX_BATCH, BATCH_BYTES // (4 * widest))))


def forward(
    model: Any, feed: Feed | Sliced, rows: Rows | None = None, *, stage: str = "extract", watch: Watch = silent
) -> Iterator[Arrays]:
    """Yield a model's outputs in inference mode, batch by batch, as TensorFlow computes them.

    Args:
        model: one or several inputs and outputs.
        feed: its inputs.
        rows: which of them, in this order; None takes all.
        stage: what to call the work.
        watch: where to report it.

    Yields:
        One array `(batch, ...)` an output.

    Raises:
        ZooError: a sample is broken, or the model cannot compute with such samples.
    """
    rows = every(feed) if rows is None else rows
    if len(rows):
        size = max(1, batch_size(model) // TensorFlow.at_once)
        engine = Eager(model) if suits(model, len(rows)) else TensorFlow(model, feed)
        yield from passed(engine, size, feed, rows, stage=stage, watch=watch)


def passed(
    engine: Engine,
    batch: int,
    feed: Feed | Sliced,
    rows: Rows,
    *,
    together: int = 1,
    stage: str = "extract",
    watch: Watch = silent,
) -> Iterator[Arrays]:
    """Yield what an engine computes, some batches together; the next ones are read meanwhile. Otherwise as `forward`.

    Args:
        engine: what computes.
        batch: samples that it takes at once.
        feed, rows, stage, watch: as `forward` takes them.
        together: how many batches a thread computes one after the other: of quick ones, handing over takes longer.
    """

    def run(arrays: Arrays) -> Arrays:
        starts = range(0, len(arrays[0]), batch)
        parts = [engine(tuple(array[start : start + batch] for array in arrays)) for start in starts]
        return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))

    done, blocks = 0, (arrays for _, arrays in feed.blocks(rows, batch * together))
    for computed in side_by_side(run, blocks, engine.at_once):
        yield computed
        done = min(len(rows), done + batch * together)
        watch(stage, done, len(rows))


class Forward(Protocol):
    """What runs a model forward over all samples: `forward`, or `transfer.engines.running.Running`."""

    def __call__(self, model: Any, feed: Feed | Sliced, *, stage: str = "extract") -> Iterator[Arrays]:
        """Yield its outputs, batch by batch."""
        ...


def outputs(model: Any, x: Array | Sequence[Held] | Feed, run: Forward = forward) -> Array:
    """Return the single output of a model for all samples, `(n, ...) float32`.

    Args:
        model: one output.
        x: a feed, `(n, ...)` for each input in the model's order, or the array of the only input.
        run: what runs it.

    Raises:
        ZooError: it has several outputs, or they are not finite.
    """
    found = named_outputs(model, x, run)
    if len(found) > 1:
        raise ZooError(f"the model has {len(found)} outputs: {', '.join(found)}; expected one")
    return next(iter(found.values()))


def named_outputs(model: Any, x: Array | Sequence[Held] | Feed, run: Forward = forward) -> dict[str, Array]:
    """Return a model's outputs for all samples by their names, each `(n, ...)`.

    Raises:
        ZooError: an output is not finite.
    """
    batches = list(run(model, _sliced(x) if isinstance(x, np.ndarray | Sequence) else x))
    if not all(np.isfinite(array).all() for arrays in batches for array in arrays if array.dtype.kind == "f"):
        raise ZooError("the model's outputs are not finite", "are some inputs far too large?")
    names = tensor_names(model)
    return {
        names[id(tensor)]: np.concatenate([arrays[place] for arrays in batches]) if batches else _empty(tensor)
        for place, tensor in enumerate(model.outputs)
    }


def _sliced(x: Array | Sequence[Held]) -> Sliced:
    return Sliced((x,) if isinstance(x, np.ndarray) else tuple(x))


def _empty(tensor: Any) -> Array:
    return np.zeros((0, *(size or 0 for size in tensor.shape[1:])), np.float32)
