"""One epoch's work inside the compiled loop: training steps, and validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.data.target import Target
from transfer.extract import batch_size
from transfer.features import Features
from transfer.fitting.batches import as_float32, batches, gathered, streamed, summed, tensors
from transfer.fitting.clipping import QuantileClip
from transfer.fitting.compiling import compiles
from transfer.fitting.health import Health
from transfer.fitting.objective import objective
from transfer.fitting.optimizers import optimizer
from transfer.fitting.streaming import Stream, Windows
from transfer.plan.hyperparameters import Training
from transfer.spilled import is_spilled

VALID_BATCH = 2048
ORDERED_BYTES = 2**28  # of samples and labels that are copied into an epoch's order: a step then reads one stretch

# Changes a step's samples `(batch, ...)` and labels, given the step's number: the same for the same number.
Augmented = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Work:
    """What a phase trains, of which samples and how; see `transfer.fitting.fit.fit`."""

    tail: Any
    splits: dict[str, Features]
    how: Training
    target: Target
    lr: float
    seed: int
    trunk: Any = None
    augment: Augmented | None = None
    views: int = 1
    reused: tuple[str, ...] | None = None

    @property
    def models(self) -> list[Any]:
        """All that a step runs."""
        return [model for model in (self.tail, self.trunk) if model is not None]

    @property
    def n(self) -> int:
        """Samples that an epoch takes."""
        return len(self.splits["train"]) // self.views

    @property
    def size(self) -> int:
        """Samples a step."""
        return min(self.how.batch_size, self.n)

    @property
    def steps(self) -> int:
        """In an epoch."""
        return self.how.steps(self.n)

    @property
    def windows(self) -> Windows:
        """How many steps' samples are read at once where they lie in files; all where they are in memory."""
        files = [array for array in self.splits["train"].arrays if is_spilled(array)]
        bytes_ = sum(array.nbytes // len(array) for array in files)
        return Windows.of(bytes_, self.size) if files else Windows(self.steps, self.size, self.n)

    def order(self, epoch: int) -> Any:
        """Draw the rows of an epoch, `(n,) int64`: the same for the same number."""
        draws = np.random.default_rng([self.seed, epoch])
        order = self.windows.order(draws, self.n)
        return order if self.views == 1 else order * self.views + draws.integers(self.views, size=self.n)


class Step:
    """A phase's samples as tensors, its optimiser, and the graph of what an epoch does with them."""

    def __init__(self, work: Work) -> None:
        train, valid = work.splits["train"], work.splits["valid"]
        self._work = work
        self.aim = objective(work.target, valid.labels, train.labels, work.how)
        self._train, self._labels = tensors(train, self.aim.dtype)
        self._files = [array for array in self._train if isinstance(array, np.ndarray)]
        self._stream = Stream(self._files) if self._files else None
        self._valid, self._valid_labels = tensors(valid, self.aim.dtype)
        self._valid_rows, self._weights = batches(
            len(valid), min(VALID_BATCH, *(batch_size(model) for model in work.models))
        )
        self.valid_n = len(valid)
        self.health = Health(work.tail, on=work.how.diagnose)
        self.optimizer = optimizer(work.how, work.lr, work.how.epochs * work.steps, work.tail, work.reused)
        self._clip = None if work.how.clip_quantile is None else QuantileClip(work.how.clip_quantile)

    @property
    def variables(self) -> dict[str, list[Any]]:
        """The `tf.Variable`s that its steps change beside the tail's, by what they belong to."""
        clip = [] if self._clip is None else [self._clip.seen, self._clip.count]
        return {"optimizer": [variable.value for variable in self.optimizer.variables], "clip": clip}

    @property
    def xla(self) -> bool:
        """Whether XLA is to compile the loop."""
        work = self._work
        plain = work.augment is None and not any(isinstance(one, np.ndarray) for one in (*self._train, *self._valid))
        return plain and compiles(work.models, work.how.epochs * work.steps)

    def train_epoch(self, rows: Any, number: Any) -> tuple[Any, Any]:
        """Take an epoch's steps on rows `(steps, size)`, the first of which has a number.

        Returns:
            The mean loss, and what `health` measured of the steps.
        """
        before, width = self.health.weights(), 1 + self.health.steps

        def run(batch: Callable[[Any], tuple[list[Any], Any]], count: Any, first: Any = 0) -> Any:
            def taken(step: Any) -> Any:
                loss, gradients = self.train(*batch(step), number + first + step)
                return tf.concat([loss[None], self.health.step(first + step == 0, gradients, before)], 0)

            return summed(count, taken, width)

        stream = self._stream
        total = self._windowed(stream, rows, run, width) if stream else run(self._ordered(rows), self._work.steps)
        return total[0] / self._work.steps, total[1:]

    def _windowed(self, stream: Stream, rows: Any, run: Callable[..., Any], width: int) -> Any:
        """Run an epoch's steps window by window: what lies in files is read once a window, and ahead."""
        many, size = self._work.windows.steps, self._work.size

        def window(place: Any) -> Any:
            here = rows[place * many : (place + 1) * many]
            held = iter(streamed(stream, self._files, here, rows[(place + 1) * many : (place + 2) * many]))
            inputs = [next(held) if isinstance(array, np.ndarray) else array for array in self._train]

            def batch(step: Any) -> tuple[list[Any], Any]:
                given = [
                    _slice(one, step, size) if isinstance(array, np.ndarray) else tf.gather(one, here[step])
                    for one, array in zip(inputs, self._train, strict=True)
                ]
                return given, tf.gather(self._labels, here[step])

            return run(batch, tf.shape(here)[0], place * many)

        return summed(math.ceil(self._work.steps / many), window, width, at_once=1)

    def _ordered(self, rows: Any) -> Callable[[Any], tuple[list[Any], Any]]:
        """Return what gives a step of an epoch its samples and labels; its rows are `(steps, size)`.

        Small data are copied in the epoch's order once, which saves a step in three: looking rows up one by one takes
        as long as a small top's arithmetic.
        """
        if sum(_bytes(array) for array in (*self._train, self._labels)) > ORDERED_BYTES:
            return lambda step: self.samples(rows[step])
        inputs, labels = self.samples(rows)
        return lambda step: ([array[step] for array in inputs], labels[step])

    def samples(self, rows: Any) -> tuple[list[Any], Any]:
        """Return some training samples, one tensor an input, and their labels."""
        return [gathered(array, rows) for array in self._train], tf.gather(self._labels, rows)

    def train(self, inputs: list[Any], labels: Any, number: Any) -> tuple[Any, list[Any]]:
        """Take one step on samples; return its loss and the gradients as they were before clipping."""
        if self._work.augment is not None:
            inputs[0], labels = self._work.augment(inputs[0], labels, number)
        variables = self._work.tail.trainable_variables
        with tf.GradientTape() as tape:
            logits = self._forward(inputs, training=True)
            loss = tf.reduce_mean(self.aim.training_losses(labels, logits))
            loss += sum(self._work.tail.losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self.optimizer.apply(gradients if self._clip is None else self._clip(gradients), variables)
        return loss, gradients

    def validate(self) -> tuple[Any, Any, Any]:
        """Return the validation loss and figure, and what `health` measured of the activations."""

        def judged(batch: Any) -> Any:
            rows = self._valid_rows[batch]
            inputs = [gathered(array, rows) for array in self._valid]
            logits, *watched = tf.nest.flatten(self._forward(inputs, training=False, tail=self.health.model))
            labels, weights = tf.gather(self._valid_labels, rows), self._weights[batch]
            figures = tf.stack([self.aim.losses(labels, logits), self.aim.hits(labels, logits)])
            sums = tf.reduce_sum(figures * weights, axis=1)
            return tf.concat([sums, self.health.activations(batch == 0, watched)], 0)

        total = summed(self._weights.shape[0], judged, 2 + self.health.shares)
        return total[0] / self.valid_n, total[1] / self.valid_n, total[2:]

    def _forward(self, inputs: list[Any], training: bool, tail: Any = None) -> Any:
        inputs = [as_float32(one) for one in inputs]
        if self._work.trunk is not None:
            inputs = tf.nest.flatten(self._work.trunk(_one_or_all(inputs), training=False))
        return (tail or self._work.tail)(_one_or_all(inputs), training=training)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _slice(window: Any, step: Any, size: int) -> Any:
    """Return a step's part of a window."""
    part = window[step * size : (step + 1) * size]
    part.set_shape((size, *window.shape[1:]))
    return part


def _bytes(array: Any) -> int:
    """Return the size of a NumPy array or a tensor."""
    return int(array.nbytes if isinstance(array, np.ndarray) else array.shape.num_elements() * array.dtype.size)
