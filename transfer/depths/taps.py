"""What a model computes at many cuts in one pass over the samples, each cut as one row of numbers a sample.

Rows stay as they are. Of maps `(h, w, c)` and series `(t, c)` the mean over positions is taken inside the graph, so
what is held in memory is `(n, c)` a cut, however large the maps are. Of few positions the largest stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from registry.watch import Watch, silent
from transfer.backbone import joined, output_of
from transfer.data.dataset import Array
from transfer.data.records import Rows
from transfer.depths.evenly import evenly
from transfer.engines.extractor import Ready
from transfer.extract import forward
from transfer.feeding import Feed, Sliced, every

WIDEST = 4096  # numbers that a row is probed by; of a wider one this many, evenly
FEW = 64  # positions up to which the largest says more than noise
HELD_BYTES = 2**28  # for all cuts together


@dataclass(frozen=True)
class Taps:
    """A model with every cut as an output.

    Attributes:
        model: from the inputs to a row `(n, d)` a cut, in the cuts' order.
        widths: how long each row is.
    """

    model: Any
    widths: tuple[int, ...]

    def most(self, wanted: int) -> int:
        """Return how many samples of those wanted can be held at all cuts together."""
        return max(2, min(wanted, HELD_BYTES // (4 * sum(self.widths))))

    def read(
        self,
        feed: Feed | Sliced,
        rows: Rows | None = None,
        *,
        ready: Ready | None = None,
        stage: str = "tap",
        watch: Watch = silent,
    ) -> list[Array]:
        """Return the rows of some samples, `(n, d) float32` a cut.

        Args:
            feed: the model's inputs.
            rows: which samples, in this order; None takes all.
            ready: the model with what runs it; None for TensorFlow.
            stage: what to call the work.
            watch: where to report it.

        Raises:
            ZooError: a sample is broken, or the model cannot compute with it.
        """
        rows, done = every(feed) if rows is None else rows, 0
        held = [np.empty((len(rows), width), np.float32) for width in self.widths]
        run = partial(forward, self.model) if ready is None else ready.run
        for arrays in run(feed, rows, stage=stage, watch=watch):
            for whole, part in zip(held, arrays, strict=True):
                whole[done : done + len(part)] = part
            done += len(arrays[0])
        return held


def taps(model: Any, scopes: Sequence[str]) -> Taps:
    """Make a model that gives a row at every cut.

    Args:
        model: functional; its layers are shared.
        scopes: of the layers whose outputs are wanted.
    """
    ends = [_row(output_of(model, scope)) for scope in scopes]
    return Taps(joined(model.inputs, ends), tuple(int(end.shape[-1]) for end in ends))


def _row(tensor: Any) -> Any:
    tensor = keras.ops.cast(tensor, "float32")
    if len(tensor.shape) <= 2:
        return _thinned(keras.ops.reshape(tensor, (-1, math.prod(tensor.shape[1:]))))
    axes = tuple(range(1, len(tensor.shape) - 1))
    positions = [tensor.shape[axis] for axis in axes]
    mean = keras.ops.mean(tensor, axes)
    if None in positions or not 1 < math.prod(positions) <= FEW:
        return _thinned(mean)
    return _thinned(keras.ops.concatenate([mean, keras.ops.max(tensor, axes)], axis=-1))


def _thinned(row: Any) -> Any:
    width = int(row.shape[-1])
    return row if width <= WIDEST else keras.ops.take(row, evenly(width, WIDEST), axis=-1)
