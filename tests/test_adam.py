from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, chain

from transfer.fitting.adam import Adam


@pytest.mark.parametrize("clip", [None, 0.1])
def test_it_is_keras_own_adam(clip: float | None) -> None:
    x, y = blobs(64)
    ends = []
    for kind in (Adam, keras.optimizers.Adam):
        model, optimizer = chain(outputs=3), kind(0.01, global_clipnorm=clip)
        for _ in range(30):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x)))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        ends.append(model.get_weights())
    assert all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(*ends, strict=True))
