"""What a phase minimises, and the figure that it is judged by, for each kind of target; in TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.data.target import Target


@dataclass(frozen=True)
class Objective:
    """The loss and the figure of a target.

    Attributes:
        target: what the labels are.
        spread: of numbers, the variance `(k,)` of the labels that R2 is taken of.
    """

    target: Target
    spread: tuple[float, ...] = ()

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


def objective(target: Target, valid_labels: Any) -> Objective:
    """Make the objective of a target whose figure is taken of some labels."""
    if target.kind != "number":
        return Objective(target)
    labels = np.asarray(valid_labels, np.float64)
    spread = labels.var(axis=0)
    return Objective(target, tuple(np.where(spread == 0, 1, spread).tolist()))


def _row(values: tuple[float, ...]) -> Any:
    return tf.constant([values], tf.float32)
