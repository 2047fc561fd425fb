"""A phase's training samples, and what the steps of coming epochs read of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.fitting.batches import gathered, in_file, streamed, summed, tensors
from transfer.fitting.streaming import Stream
from transfer.fitting.work import Work

MOST_AHEAD = 16  # epochs that are drawn at once, as long as that is at most as many positions or bytes as follow
ORDER_ROWS = 2**22
DRAWN_BYTES = 2**24
ORDERED_BYTES = 2**27  # of an epoch's samples that are copied into its order

# Of a step's inputs, its labels, and its place in the epoch.
Taken = Callable[[list[Any], Any, Any], Any]


class Supply:
    """Training samples in the orders in which epochs take them.

    Small data are copied into an epoch's order before it begins, so that a step reads one stretch: looking rows up one
    by one takes as long as a small top's arithmetic. This happens outside the compiled loop, whose copying is several
    times slower, and in which it could not be done ahead.

    Attributes:
        at_once: epochs that are drawn together.
    """

    def __init__(self, work: Work, kind: Any) -> None:
        """Hold a phase's training samples, and labels as a dtype of TensorFlow."""
        self._work = work
        self._arrays, self._labels = tensors(work.splits["train"], kind)
        self._files = [array for array in self._arrays if in_file(array)]
        self._stream = Stream(self._files) if self._files else None
        rows = work.steps * work.size
        bytes_ = rows * sum(_bytes(array) // len(array) for array in (*self._arrays, self._labels))
        self._ordered = not self._files and bytes_ <= ORDERED_BYTES
        most = min(ORDER_ROWS // rows, DRAWN_BYTES // bytes_ if self._ordered else MOST_AHEAD)
        self.at_once = max(1, min(work.how.epochs, MOST_AHEAD, most))

    @property
    def in_memory(self) -> bool:
        """Whether no sample lies in a file."""
        return not self._files

    def drawn(self, block: int) -> list[Any]:
        """Draw what the epochs from `block * at_once` on read: their rows, or the samples and labels themselves.

        NumPy draws the rows: TensorFlow's own generators give other numbers under XLA than without.

        Returns:
            Tensors `(at_once * steps, size, ...)`.
        """
        work, first = self._work, block * self.at_once
        orders = [np.resize(work.order(epoch), work.steps * work.size) for epoch in range(first, first + self.at_once)]
        rows = np.reshape(orders, (-1, work.size)).astype(np.int32)
        if work.augment is None:  # else a worker changes all samples of a batch, as one alone, and takes its own
            rows = work.share.own(rows, axis=1)
        if not self._ordered:
            return [tf.constant(rows)]
        inputs, labels = self.samples(rows)
        return [*inputs, labels]

    def summed(self, drawn: list[Any], first: Any, of: Taken, width: int) -> Any:
        """Add up `of` over the steps of an epoch, whose part of what was drawn begins at a place; see `batches.summed`.

        Args:
            drawn: what `drawn` gave.
            first: the place.
            of: gives `(width,) float32`.
            width: of what it gives.
        """
        steps = self._work.steps
        if self._stream is not None:
            return self._windowed(self._stream, drawn[0][first : first + steps], of, width)
        return summed(steps, lambda step: of(*self._batch(drawn, first + step), step), width)

    def samples(self, rows: Any) -> tuple[list[Any], Any]:
        """Return some training samples, one tensor an input, and their labels."""
        return [gathered(array, rows) for array in self._arrays], tf.gather(self._labels, rows)

    def _batch(self, drawn: list[Any], place: Any) -> tuple[list[Any], Any]:
        if not self._ordered:
            return self.samples(drawn[0][place])
        *inputs, labels = (one[place] for one in drawn)
        return inputs, labels

    def _windowed(self, stream: Stream, rows: Any, of: Taken, width: int) -> Any:
        """Add up over an epoch's rows window by window: what lies in files is read once a window, and ahead."""
        many, size = self._work.windows.steps, rows.shape[1]

        def window(place: Any) -> Any:
            here = rows[place * many : (place + 1) * many]
            held = iter(streamed(stream, self._files, here, rows[(place + 1) * many : (place + 2) * many]))
            arrays = [next(held) if in_file(array) else array for array in self._arrays]

            def taken(step: Any) -> Any:
                inputs = [
                    _slice(one, step, size) if in_file(array) else tf.gather(one, here[step])
                    for one, array in zip(arrays, self._arrays, strict=True)
                ]
                return of(inputs, tf.gather(self._labels, here[step]), place * many + step)

            return summed(tf.shape(here)[0], taken, width)

        return summed(math.ceil(self._work.steps / many), window, width, at_once=1)


def _slice(window: Any, step: Any, size: int) -> Any:
    """Return a step's part of a window."""
    part = window[step * size : (step + 1) * size]
    part.set_shape((size, *window.shape[1:]))
    return part


def _bytes(array: Any) -> int:
    """Return the size of an array in a file or a tensor."""
    return int(array.nbytes if in_file(array) else array.shape.num_elements() * array.dtype.size)
