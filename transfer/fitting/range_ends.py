"""Where the range of an activation ends, and how much of a tensor lies there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Ends:
    """Where an activation has hardly any slope.

    Attributes:
        dies: whether it gives 0 for all that is below 0: a unit that always does gets no gradient any more.
        low, high: the outputs from which on it counts as saturated; None where that side has no end.
    """

    dies: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def bounded(self) -> bool:
        """Whether it can saturate."""
        return self.low is not None or self.high is not None

    def dead(self, tensor: Any, *, stacked: bool = False) -> Any:
        """Return the share of units of a tensor `(n, ..., units)` that are 0 everywhere; of a stack, of each `(m,)`."""
        highest = tf.reduce_max(tensor, axis=list(range(int(stacked), len(tensor.shape) - 1)))
        return tf.reduce_mean(tf.cast(highest <= 0, tf.float32), axis=-1)

    def saturated(self, tensor: Any, *, stacked: bool = False) -> Any:
        """Return the share of a tensor's elements that lie at the ends; of a stack, of each `(m,)`."""
        low = [] if self.low is None else [tensor <= self.low]
        high = [] if self.high is None else [tensor >= self.high]
        axes = list(range(int(stacked), len(tensor.shape)))
        return sum(tf.reduce_mean(tf.cast(side, tf.float32), axis=axes) for side in (*low, *high))


# A tanh beyond 0.99 has 2 % of its greatest slope, a sigmoid beyond 0.01 and 0.99 has 4 %.
ENDS = {
    "relu": Ends(dies=True),
    "relu6": Ends(dies=True, high=6.0),
    "tanh": Ends(low=-0.99, high=0.99),
    "sigmoid": Ends(low=0.01, high=0.99),
    "hard_sigmoid": Ends(low=0.0, high=1.0),
}

# Whose outputs are those of their activation; a recurrent layer's are not.
ACTIVATED = (
    keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Activation, keras.layers.Conv1D, keras.layers.Conv2D,
    keras.layers.Conv3D, keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D, keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose,
)  # fmt: skip


def ends_of(layer: Any) -> Ends | None:
    """Return where a layer's outputs end; None where they do not, or where that is not known."""
    if isinstance(layer, keras.layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return Ends(dies=True, high=layer.max_value) if plain else None
    return ENDS.get(getattr(layer.activation, "__name__", "")) if isinstance(layer, ACTIVATED) else None
