"""One epoch's work inside the compiled loop: training steps, and validation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from transfer.extract import batch_size
from transfer.fitting.batches import as_float32, batches, gathered, in_file, summed, tensors
from transfer.fitting.clipping import QuantileClip
from transfer.fitting.compiling import compiles
from transfer.fitting.health import Health
from transfer.fitting.objective import objective
from transfer.fitting.optimizers import optimizer
from transfer.fitting.shared_layers import shared
from transfer.fitting.supply import Supply
from transfer.fitting.thinning import Masks
from transfer.fitting.work import Work

VALID_BATCH = 2048


class Step:
    """A phase's samples as tensors, its optimiser, and the graph of what an epoch does with them."""

    def __init__(self, work: Work) -> None:
        train, valid = work.splits["train"], work.splits["valid"]
        self._work = work
        self.aim = objective(work.target, valid.labels, train.labels, work.how)
        self.supply = Supply(work, self.aim.dtype)
        self._valid, self._valid_labels = tensors(valid, self.aim.dtype)
        most = min(VALID_BATCH, *(batch_size(model) for model in work.models))
        judged = batches(len(valid), work.share.at_once(len(valid), most))
        self._valid_rows, self._weights = (work.share.dealt(part) for part in judged)
        self.valid_n = len(valid)
        self.health = Health(work.tail, on=work.how.diagnose)
        self._masks = Masks(work.seed)
        self._trained = shared(work.tail, work.share, work.size, self._masks)
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
        in_memory = self.supply.in_memory and not any(in_file(one) for one in self._valid)
        plain = work.augment is None and in_memory
        return work.share.whole and plain and compiles(work.tail, work.trunk, work.size, work.how.epochs * work.steps)

    def train_epoch(self, drawn: list[Any], first: Any, number: Any) -> tuple[Any, Any]:
        """Take an epoch's steps on what `supply` drew of it, from a place on; the first step has a number.

        Returns:
            The mean loss, and what `health` measured of the steps.
        """
        before = self.health.weights()

        def taken(inputs: list[Any], labels: Any, step: Any) -> Any:
            loss, gradients = self.train(inputs, labels, number + step)
            return tf.concat([loss[None], self.health.step(step == 0, gradients, before)], 0)

        total = self.supply.summed(drawn, first, taken, 1 + self.health.steps)
        return total[0] / self._work.steps, total[1:]

    def train(self, inputs: list[Any], labels: Any, number: Any) -> tuple[Any, list[Any]]:
        """Take one step on samples; return its loss and the gradients as they were before clipping."""
        share = self._work.share
        if self._work.augment is not None:
            inputs[0], labels = (share.own(one) for one in self._work.augment(inputs[0], labels, number))
        variables = self._work.tail.trainable_variables
        with self._masks.of(number), tf.GradientTape() as tape:
            logits = self._forward(inputs, training=True, tail=self._trained)
            loss = share.mean(self.aim.training_losses(labels, logits), self._work.size)
            loss += share.once(self._work.tail.losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        loss, *gradients = share.sum([loss, *gradients])
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
            return tf.concat([sums, self.health.activations(share.first(batch), watched)], 0)

        share = self._work.share
        (total,) = share.sum([summed(self._weights.shape[0], judged, 2 + self.health.shares)])
        return total[0] / self.valid_n, total[1] / self.valid_n, total[2:]

    def _forward(self, inputs: list[Any], training: bool, tail: Any = None) -> Any:
        inputs = [as_float32(one) for one in inputs]
        if self._work.trunk is not None:
            inputs = tf.nest.flatten(self._work.trunk(_one_or_all(inputs), training=False))
        return (tail or self._work.tail)(_one_or_all(inputs), training=training)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
