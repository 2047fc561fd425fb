"""What a phase minimises, and the figure that it is judged by, for each kind of target; in TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.data.target import Target
from transfer.fitting.balance import balanced
from transfer.plan.hyperparameters import Training


@dataclass(frozen=True)
class Objective:
    """The loss and the figure of a target.

    Attributes:
        target: what the labels are.
        spread: of numbers, the variance `(k,)` of the labels that R2 is taken of.
        smoothing: the share of a label that training spreads over all classes.
        weights: of each class in training; of several labels a pair each, of no and of yes; empty where all are alike.
    """

    target: Target
    spread: tuple[float, ...] = ()
    smoothing: float = 0.0
    weights: tuple[float, ...] | tuple[tuple[float, float], ...] = ()

    @property
    def dtype(self) -> Any:
        """Of labels in TensorFlow: positions of classes as int32, all others float32."""
        return tf.int32 if self.target.kind == "class" else tf.float32

    def losses(self, labels: Any, outputs: Any) -> Any:
        """Return each sample's loss `(n,)`: cross-entropy in nats, or the squared error by the labels' variance.

        Labels of classes are positions `(n,)`, or shares `(n, k)` where samples were mixed.
        """
        if self.target.kind == "number":
            return tf.reduce_mean(tf.square((outputs - labels) / _row(self.target.deviation)), axis=1)
        if self.target.kind == "multilabel":
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, outputs), axis=1)
        if len(labels.shape) == 2:
            return tf.nn.softmax_cross_entropy_with_logits(labels, outputs)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)

    def training_losses(self, labels: Any, outputs: Any) -> Any:
        """Return what training minimises the mean of `(n,)`: `losses` with smooth labels, weighed by class."""
        if not self.smoothing and not self.weights:
            return self.losses(labels, outputs)
        shares = labels if len(labels.shape) == 2 else self.shares(labels)
        smooth = self._smooth(shares)
        if not self.weights:
            return self.losses(smooth, outputs)
        weights = tf.constant(self.weights, tf.float32)
        if self.target.kind == "class":
            return self.losses(smooth, outputs) * tf.linalg.matvec(shares, weights)
        of_each = tf.nn.sigmoid_cross_entropy_with_logits(smooth, outputs)
        return tf.reduce_mean(of_each * (weights[:, 0] * (1 - shares) + weights[:, 1] * shares), axis=1)

    def _smooth(self, shares: Any) -> Any:
        """Mix labels with the even distribution, which over yes and no is a half (Szegedy et al. 2016, section 7)."""
        among = self.target.width if self.target.kind == "class" else 2
        return shares * (1 - self.smoothing) + self.smoothing / among

    def hits(self, labels: Any, outputs: Any) -> Any:
        """Return what each sample `(n,)` adds to the figure, whose mean it is (`transfer.evaluate.Score.accuracy`)."""
        if self.target.kind == "number":
            return tf.reduce_mean(1 - tf.square(outputs - labels) / _row(self.spread), axis=1)
        if self.target.kind == "multilabel":
            return tf.reduce_mean(tf.cast((outputs > 0) == (labels > 0.5), tf.float32), axis=1)
        return tf.cast(tf.equal(tf.argmax(outputs, 1, output_type=labels.dtype), labels), tf.float32)

    def shares(self, labels: Any) -> Any:
        """Return labels that can be mixed: classes as `(n, k) float32`."""
        return tf.one_hot(labels, self.target.width) if self.target.kind == "class" else labels

    def exact(self, figure: float, n: int) -> float:
        """Undo the rounding of a share of `n` samples that was counted in float32."""
        if self.target.kind == "number":
            return figure
        count = n * (self.target.width if self.target.kind == "multilabel" else 1)
        return round(figure * count) / count


def objective(target: Target, valid_labels: Any, train_labels: Any = None, how: Training | None = None) -> Objective:
    """Make the objective of a target whose figure is taken of some labels.

    Args:
        target: what the labels are.
        valid_labels: those that the figure is taken of.
        train_labels: those by which classes are weighed.
        how: smoothing, and whether classes are weighed.

    Raises:
        ZooError: numbers are to be smoothed or weighed.
    """
    how = how or Training()
    how.check_target(target.kind)
    if target.kind != "number":
        weights = balanced(target, train_labels) if how.class_weights else ()
        return Objective(target, (), how.label_smoothing, weights)
    labels = np.asarray(valid_labels, np.float64)
    spread = labels.var(axis=0)
    return Objective(target, tuple(np.where(spread == 0, 1, spread).tolist()))


def _row(values: tuple[float, ...]) -> Any:
    return tf.constant([values], tf.float32)
