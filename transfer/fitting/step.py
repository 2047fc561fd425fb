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
from transfer.fitting.batches import batches, gathered, summed, tensors
from transfer.fitting.clipping import QuantileClip
from transfer.fitting.compiling import compiles
from transfer.fitting.health import Health
from transfer.fitting.objective import objective
from transfer.fitting.optimizers import optimizer
from transfer.plan.hyperparameters import Training

VALID_BATCH = 2048

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
        return math.ceil(self.n / self.size)

    def order(self, epoch: int) -> Any:
        """Draw the rows of an epoch, `(n,) int64`: the same for the same number."""
        draws = np.random.default_rng([self.seed, epoch])
        order = draws.permutation(self.n)
        return order if self.views == 1 else order * self.views + draws.integers(self.views, size=self.n)


class Step:
    """A phase's samples as tensors, its optimiser, and the graph of what an epoch does with them."""

    def __init__(self, work: Work) -> None:
        train, valid = work.splits["train"], work.splits["valid"]
        self._work = work
        self.aim = objective(work.target, valid.labels, train.labels, work.how)
        self._train, self._labels = tensors(train, self.aim.dtype)
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
        before = self.health.weights()

        def taken(step: Any) -> Any:
            loss, gradients = self.train(rows[step], number + step)
            return tf.concat([loss[None], self.health.step(step == 0, gradients, before)], 0)

        total = summed(self._work.steps, taken, 1 + self.health.steps)
        return total[0] / self._work.steps, total[1:]

    def train(self, rows: Any, number: Any) -> tuple[Any, list[Any]]:
        """Take one step; return its loss and the gradients as they were before clipping."""
        inputs, labels = [gathered(array, rows) for array in self._train], tf.gather(self._labels, rows)
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
        if self._work.trunk is not None:
            inputs = tf.nest.flatten(self._work.trunk(_one_or_all(inputs), training=False))
        return (tail or self._work.tail)(_one_or_all(inputs), training=training)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
