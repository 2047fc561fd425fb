"""Train the part of a model above the cut: one compiled loop over epochs and batches.

A step runs on a whole batch. Where the batch size does not divide the samples, an epoch's last batch is filled up
from the epoch's beginning, so that each sample is seen at least once. The order is drawn anew each epoch from the
seed and the epoch's number; early stopping and the copy of the best weights happen inside the loop. So how many
epochs one call runs (a matter of how often progress is shown) changes nothing in the result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.data.target import Target
from transfer.extract import batch_size
from transfer.features import Features
from transfer.fitting.adam import Adam
from transfer.fitting.batches import batches, gathered, summed, tensors
from transfer.fitting.compiling import compiles
from transfer.fitting.objective import Objective, objective
from transfer.plan.hyperparameters import Training

VALID_BATCH = 2048
SHOW_SECONDS = 0.25
OPTIMIZER_OFF = "disable_meta_optimizer"
MOST_AHEAD = 16  # epochs whose order is drawn at once, as long as that is at most ORDER_ROWS positions (16 MB)
ORDER_ROWS = 2**22

# Changes a step's samples `(batch, ...)` and labels, given the step's number: the same for the same number.
Augmented = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Epoch:
    """One epoch's figures: mean training loss, validation loss, and what `transfer.evaluate.Score.accuracy` is."""

    train_loss: float
    valid_loss: float
    valid_accuracy: float


@dataclass(frozen=True)
class Fitted:
    """What a phase came to.

    Attributes:
        epochs: the figures of each epoch that ran.
        improved: whether any of them was better than where the phase began; if not, the weights are as they were.
        seconds: for compiling and training.
    """

    epochs: tuple[Epoch, ...]
    improved: bool
    seconds: float

    @property
    def best(self) -> int:
        """The position of the epoch with the lowest validation loss; its weights were kept if it improved."""
        losses = [epoch.valid_loss if math.isfinite(epoch.valid_loss) else math.inf for epoch in self.epochs]
        return losses.index(min(losses))


def fit(
    tail: Any,
    splits: dict[str, Features],
    how: Training,
    target: Target,
    *,
    lr: float,
    seed: int,
    least: float = math.inf,
    trunk: Any = None,
    augment: Augmented | None = None,
    views: int = 1,
    stage: str = "train",
    watch: Watch = silent,
) -> Fitted:
    """Train a tail's trainable weights; it ends with those of the best epoch by validation loss.

    Where no epoch is better than the beginning, it ends with the weights that it began with.

    Args:
        tail: from the cut's tensors to outputs `(n, k)`.
        splits: `train` and `valid`: the cut's tensors, or the model's inputs where `trunk` is given.
        how: epochs, patience, batch size, clipping.
        target: what the labels are.
        lr: Adam's learning rate.
        seed: of the order of samples.
        least: the validation loss that the weights have already; only epochs below it count.
        trunk: run in inference mode before the tail in every step; None where `splits` hold its outputs.
        augment: changes the samples of every training step; None leaves them as they are.
        views: how many rows each training sample has, side by side; an epoch takes one of them, drawn at random.
        stage: what to call the work.
        watch: where to report it.

    Raises:
        ZooError: the loss is no number in the very first epoch.
    """
    start = time.perf_counter()
    aim = objective(target, splits["valid"].labels)
    loop = _Loop(tail, trunk, splits, how, aim, augment, views, lr, seed, least)
    for done, note in loop.run():
        watch(stage, done, how.epochs, note)
    fitted = loop.finish(time.perf_counter() - start)
    watch(stage, len(fitted.epochs), len(fitted.epochs), _note(fitted.epochs[fitted.best]))
    return fitted


class _Loop:
    """The state of one phase in TensorFlow variables, and the compiled function that advances it."""

    def __init__(
        self,
        tail: Any,
        trunk: Any,
        splits: dict[str, Features],
        how: Training,
        aim: Objective,
        augment: Augmented | None,
        views: int,
        lr: float,
        seed: int,
        least: float,
    ) -> None:
        self._tail, self._trunk, self._how, self._seed = tail, trunk, how, seed
        self._aim, self._augment, self._views = aim, augment, views
        self._train, self._labels = tensors(splits["train"], aim.dtype)
        size = min(VALID_BATCH, *(batch_size(model) for model in (tail, trunk) if model is not None))
        self._valid, self._valid_labels = tensors(splits["valid"], aim.dtype)
        self._valid_rows, self._weights = batches(len(splits["valid"]), size)
        self._valid_n = len(splits["valid"])
        self._optimizer = Adam(lr, global_clipnorm=how.clip_norm)
        self._optimizer.build(tail.trainable_variables)
        self._all = [variable.value for variable in tail.weights]
        self._best = [tf.Variable(value) for value in self._all]
        self._history = tf.Variable(tf.zeros((how.epochs, 3)))
        self._epoch = tf.Variable(0)
        self._best_epoch = tf.Variable(-1)
        self._best_loss = tf.Variable(least, dtype=tf.float32)
        self._stopped = tf.Variable(False)
        self._least = least
        self._n = len(splits["train"]) // views
        self._size = min(how.batch_size, self._n)
        self._steps = math.ceil(self._n / self._size)
        self._ahead = max(1, min(how.epochs, MOST_AHEAD, ORDER_ROWS // (self._steps * self._size)))
        plain = augment is None and not any(isinstance(array, np.ndarray) for array in (*self._train, *self._valid))
        xla = plain and compiles([model for model in (tail, trunk) if model is not None], how.epochs * self._steps)
        self._advance = tf.function(self._epochs, jit_compile=xla, autograph=False)

    def run(self) -> Iterator[tuple[int, str]]:
        """Advance until the phase ends, yielding (epochs done, a note) a few times a second."""
        many = 1
        while not bool(self._stopped.numpy()):
            start = time.perf_counter()
            with _unoptimised():
                self._advance(self._orders(), tf.constant(many))
            if time.perf_counter() - start < SHOW_SECONDS:
                many = min(2 * many, self._ahead)
            epochs = self._figures()
            yield len(epochs), _note(epochs[-1])

    def finish(self, seconds: float) -> Fitted:
        """Put the best weights into the tail, and account for the phase."""
        epochs = self._figures()
        improved = int(self._best_epoch.numpy()) >= 0
        if not improved and math.isinf(self._least) and not math.isfinite(epochs[0].train_loss + epochs[0].valid_loss):
            raise ZooError(
                "training diverged in its first epoch: the loss is not a number",
                "lower --lr, or clip the gradients: --clip-norm 1.0",
            )
        for variable, value in zip(self._all, self._best, strict=True):
            variable.assign(value)
        return Fitted(epochs, improved, seconds)

    def _figures(self) -> tuple[Epoch, ...]:
        rows = self._history.numpy()[: int(self._epoch.numpy())].tolist()
        return tuple(Epoch(train, valid, self._exact(figure)) for train, valid, figure in rows)

    def _exact(self, figure: float) -> float:
        return self._aim.exact(figure, self._valid_n) if math.isfinite(figure) else 0.0

    def _orders(self) -> Any:
        """Draw the rows of the coming epochs, `(epochs, steps, size) int32`.

        NumPy draws them: TensorFlow's own generators give other numbers under XLA than without.
        """
        done = int(self._epoch.numpy())
        drawn = [self._order(epoch) for epoch in range(done, done + self._ahead)]
        filled = [np.resize(order, self._steps * self._size) for order in drawn]
        return tf.constant(np.reshape(filled, (self._ahead, self._steps, self._size)), tf.int32)

    def _order(self, epoch: int) -> Any:
        draws = np.random.default_rng([self._seed, epoch])
        order = draws.permutation(self._n)
        return order if self._views == 1 else order * self._views + draws.integers(self._views, size=self._n)

    def _epochs(self, orders: Any, many: Any) -> None:
        # Loops are written out: AutoGraph would take longer to translate them than they take to run.
        def advance(done: Any) -> Any:
            number = self._epoch.read_value() * self._steps
            self._judge(tf.stack([self._train_epoch(orders[done], number), *self._validate()]))
            return done + 1

        tf.while_loop(lambda done: (done < many) & ~self._stopped.read_value(), advance, [0])

    def _train_epoch(self, rows: Any, number: Any) -> Any:
        total = summed(self._steps, lambda step: self._step(rows[step], number + step)[None])
        return total[0] / self._steps

    def _step(self, rows: Any, number: Any) -> Any:
        inputs, labels = [gathered(array, rows) for array in self._train], tf.gather(self._labels, rows)
        if self._augment is not None:
            inputs[0], labels = self._augment(inputs[0], labels, number)
        variables = self._tail.trainable_variables
        with tf.GradientTape() as tape:
            logits = self._forward(inputs, training=True)
            loss = tf.reduce_mean(self._aim.losses(labels, logits))
            loss += sum(self._tail.losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        return loss

    def _validate(self) -> tuple[Any, Any]:
        def judged(batch: Any) -> Any:
            rows = self._valid_rows[batch]
            logits = self._forward([gathered(array, rows) for array in self._valid], training=False)
            labels, weights = tf.gather(self._valid_labels, rows), self._weights[batch]
            figures = tf.stack([self._aim.losses(labels, logits), self._aim.hits(labels, logits)])
            return tf.reduce_sum(figures * weights, axis=1)

        total = summed(self._weights.shape[0], judged, 2)
        return total[0] / self._valid_n, total[1] / self._valid_n

    def _forward(self, inputs: list[Any], training: bool) -> Any:
        if self._trunk is not None:
            inputs = tf.nest.flatten(self._trunk(_one_or_all(inputs), training=False))
        return self._tail(_one_or_all(inputs), training=training)

    def _judge(self, figures: Any) -> None:
        epoch = self._epoch.read_value()
        self._history.assign(tf.tensor_scatter_nd_update(self._history, [[epoch]], [figures]))
        tf.cond(figures[1] < self._best_loss, lambda: self._keep(figures[1], epoch), lambda: None)
        self._epoch.assign_add(1)
        waited = epoch - self._best_epoch
        broken = ~tf.reduce_all(tf.math.is_finite(figures))
        self._stopped.assign(broken | (waited >= self._how.patience) | (epoch + 1 >= self._how.epochs))

    def _keep(self, loss: Any, epoch: Any) -> None:
        self._best_loss.assign(loss)
        self._best_epoch.assign(epoch)
        for best, value in zip(self._best, self._all, strict=True):
            best.assign(value)


@contextmanager
def _unoptimised() -> Iterator[None]:
    """Turn TensorFlow's graph optimiser off: on such a loop it takes longer than it ever saves."""
    before = bool(tf.config.optimizer.get_experimental_options().get(OPTIMIZER_OFF))
    tf.config.optimizer.set_experimental_options({OPTIMIZER_OFF: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({OPTIMIZER_OFF: before})


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _note(epoch: Epoch) -> str:
    return f"loss {epoch.train_loss:.4f}, valid {epoch.valid_loss:.4f}, accuracy {epoch.valid_accuracy:.3f}"
