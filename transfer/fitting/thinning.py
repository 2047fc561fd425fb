"""Dropout inside the compiled loop, by masks that are hashed from integers.

TensorFlow's random numbers take half of a small step, and XLA needs 1.5 ms for a mask of (32, 50), so it could compile
no loop with dropout in it. A mask needs less than they give: each place of a layer's inputs has a random word of its
own, which is mixed with the step's and compared with the rate. So masks follow from the seed and the step's number
alone: they are the same with and without XLA, in a phase that is resumed, and for all workers that share a batch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from transfer.backbone import nodes
from transfer.fitting.share import Share

KINDS = (keras.layers.Dropout, keras.layers.AlphaDropout)
MOST_WORDS = 2**22  # of all layers' places in a batch, 4 bytes each; layers whose masks are larger draw as they do
WORDS = 2**32
GOLDEN = 0x9E3779B9  # 2**32 by the golden ratio: multiples of it lie apart
FLOOR = -1.7580993408473766  # what SELU comes near to far below zero


class Masks:
    """The masks of a phase's steps."""

    def __init__(self, seed: int) -> None:
        """Begin with a seed, of which any steps and places have masks of their own."""
        self._seed = seed
        self._number: Any = None
        self._word: Any = None
        self._places = 0

    @contextmanager
    def of(self, number: Any) -> Iterator[None]:
        """Let masks be those of the step with a number, a scalar int32; places are counted from the first again."""
        self._number, self._places = number, 0
        try:
            yield
        finally:
            self._number = self._word = None  # tensors of one graph

    def kept(self, shape: tuple[int, ...], rate: float, mine: slice) -> Any:
        """Draw the mask of the step's next place: True where a number stays.

        Args:
            shape: of a whole batch.
            rate: of what is dropped, above 0 and below 1.
            mine: the samples of the batch whose mask it is.
        """
        self._places += 1
        draws = np.random.default_rng([self._seed, self._places, 1])  # an epoch's order is of two numbers
        words = draws.integers(WORDS, size=shape, dtype=np.uint32)[mine]
        with tf.init_scope():  # a tensor that the graph reads, and no number of megabytes in it
            held = tf.constant(words)
        if self._word is None:
            number = tf.cast(self._number, tf.uint32) * _word(GOLDEN)
            self._word = mixed(number + _word(int(np.random.default_rng([self._seed, 0, 1]).integers(WORDS))))
        return mixed(tf.bitwise.bitwise_xor(held, self._word)) >= _word(min(WORDS - 1, round(rate * WORDS)))


class Thinned(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """A `Dropout`, or an `AlphaDropout` (Klambauer et al. 2017, section 2.3), on one worker's samples of a batch."""

    def __init__(self, layer: Any, masks: Masks, share: Share, size: int) -> None:
        super().__init__(name=layer.name)
        self.layer, self.rate, self.masks, self.size, self.mine = layer, layer.rate, masks, size, share.part(size)
        self.alpha = isinstance(layer, keras.layers.AlphaDropout)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop what the step's mask does not keep; what stays keeps the mean, and after SELU the variance too."""
        whole = inputs.shape[0] == self.mine.stop - self.mine.start  # else the first axis is not that of the samples
        if not training or not whole:
            return self.layer(inputs, training=training)
        kept = self.masks.kept((self.size, *inputs.shape[1:]), self.rate, self.mine)
        if not self.alpha:
            return tf.where(kept, inputs * (1 / (1 - self.rate)), tf.zeros((), inputs.dtype))
        scale = ((1 - self.rate) * (1 + self.rate * FLOOR**2)) ** -0.5
        return (tf.where(kept, inputs, tf.constant(FLOOR, inputs.dtype)) - FLOOR * self.rate) * scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape


def thinned(model: Any, size: int) -> set[str]:
    """Return the names of the layers whose masks are hashed for batches of a size, while there is room for words."""
    words = Counter[str]()
    for layer, inputs, _ in nodes(model):
        if type(layer) in KINDS and _is_plain(layer):
            words[layer.name] += sum(_words(tensor, size) for tensor in inputs)
    found, left = set[str](), MOST_WORDS
    for name, many in words.items():
        if many <= left:
            found.add(name)
            left -= many
    return found


def mixed(words: Any) -> Any:
    """Mix 32-bit words, so that any bit of one changes half of its upper bits: MurmurHash3's `fmix32` (Appleby 2011).

    Its last step, which is for the lower bits, is left out.
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _word(shift))) * _word(factor)
    return words


def _word(value: int) -> Any:
    return tf.constant(value, tf.uint32)


def _is_plain(layer: Any) -> bool:
    return layer.noise_shape is None and layer.activity_regularizer is None and 0 < layer.rate < 1


def _words(tensor: Any, size: int) -> int:
    """Return how many numbers a batch of a tensor has; more than fit where an axis may have any length."""
    return size * math.prod(MOST_WORDS + 1 if axis is None else axis for axis in tensor.shape[1:])
