"""Clipping by a quantile of the gradients' norms seen so far; the other ways are Keras's own."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

REMEMBERED = 1000  # norms; older ones are forgotten


class QuantileClip:
    """Bounds the global norm by a quantile of the norms seen, the present one among them (Seetharaman et al. 2020).

    Attributes:
        seen: the last norms, `(REMEMBERED,) float32`; infinite where there is none yet.
        count: how many there have been.
    """

    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self.seen = tf.Variable(tf.fill([REMEMBERED], float("inf")))
        self.count = tf.Variable(0)

    def __call__(self, gradients: list[Any]) -> list[Any]:
        """Note the gradients' global norm, and scale them down to the quantile; None stands for no gradient."""
        norm = tf.linalg.global_norm(gradients)
        bound = self._bound(norm)
        scale = tf.math.divide_no_nan(bound, tf.maximum(norm, bound))
        return [None if one is None else tf.convert_to_tensor(one) * scale for one in gradients]

    def _bound(self, norm: Any) -> Any:
        count = self.count.read_value()
        seen = tf.tensor_scatter_nd_update(self.seen.read_value(), [[count % REMEMBERED]], [norm])
        self.seen.assign(seen)
        self.count.assign(count + 1)
        return quantile(seen, tf.minimum(count + 1, REMEMBERED), self._quantile)


def quantile(values: Any, count: Any, share: float) -> Any:
    """Return a quantile of the `count` smallest of some values, between two of them linearly, as `np.quantile` does."""
    ordered = tf.sort(values)
    place = share * tf.cast(count - 1, tf.float32)
    low = tf.cast(tf.floor(place), tf.int32)
    high = tf.minimum(low + 1, count - 1)
    below, above = tf.gather(ordered, low), tf.gather(ordered, high)
    return below + (above - below) * (place - tf.cast(low, tf.float32))
