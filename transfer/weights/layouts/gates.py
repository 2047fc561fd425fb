"""The gates of recurrent layers, from other frameworks' order into Keras's. Pure NumPy.

Keras: kernel (in, g*u), recurrent kernel (u, g*u); LSTM gates i f c o and one bias (4u,); GRU gates z r h and, with
`reset_after`, a bias (2, 3u) of an input and a recurrent row.
PyTorch: weight_ih (g*u, in), weight_hh (g*u, u), two biases (g*u,); LSTM gates i f g o, GRU gates r z n.
https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and GRU.html
TensorFlow 1's BasicLSTMCell, LSTMCell: one kernel (in+u, 4u), gates i j f o, where 1 (`forget_bias`) is added to the
forget gate as the cell runs. tensorflow/python/keras/layers/legacy_rnn/rnn_cell_impl.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FORGET_BIAS = 1.0


def reordered(array: Array, order: Sequence[int]) -> Array:
    """Put the equal blocks of the last axis into another order.

    >>> reordered(np.arange(6), (1, 0, 2)).tolist()
    [2, 3, 0, 1, 4, 5]
    """
    blocks = np.split(array, len(order), axis=-1)
    return np.concatenate([blocks[index] for index in order], axis=-1)


def gru(array: Array) -> Array:
    """Turn r z n in the last axis into z r h."""
    return reordered(array, (1, 0, 2))


def packed(array: Array) -> Array:
    """Turn TensorFlow 1's i j f o in the last axis into i f c o."""
    return reordered(array, (0, 2, 1, 3))


def packed_bias(array: Array) -> Array:
    """Turn TensorFlow 1's bias (4u,) into Keras's, with the forget gate's constant in it."""
    bias = packed(array).copy()
    units = len(bias) // 4
    bias[units : 2 * units] += FORGET_BIAS
    return bias
