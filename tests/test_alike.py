from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import transfer.fitting.health as health
from transfer.fitting.alike import MANY, NUMBERS, alike
from transfer.fitting.health import Health

ACTIVATIONS = ("relu", "tanh", "relu", "sigmoid", "tanh", "relu", "tanh", "relu6", "relu6", "relu6", "relu")


def test_large_ones_and_few_are_by_themselves() -> None:
    assert alike("aaa", [NUMBERS // 3] * 3) == [[0, 1, 2]]
    assert alike("aaa", [NUMBERS // 3 + 1] * 3) == [[0], [1], [2]]
    assert alike("aba", [1, 1, 1]) == [[0], [2], [1]]
    assert MANY == 3


def test_what_is_measured_together_is_what_is_measured_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(0)
    x = tensor = keras.Input((12,))
    for activation in ACTIVATIONS:
        tensor = keras.layers.Dense(8, activation)(tensor)
    model = keras.Model(x, keras.layers.Dense(3)(tensor))
    watched = Health(model)
    draws = np.random.default_rng(0)
    gradients = [tf.constant(draws.normal(size=one.shape), tf.float32) for one in model.trainable_variables]
    before = [0.9 * one for one in watched.weights()]
    outputs = watched.model(draws.normal(size=(20, 12)))[1:]
    together = watched.step(True, gradients, before), watched.activations(True, outputs)
    monkeypatch.setattr(health, "alike", lambda kinds, sizes: [[place] for place in range(len(kinds))])
    alone = watched.step(True, gradients, before), watched.activations(True, outputs)
    assert [len(part) for part in together] == [watched.steps, watched.shares]
    for part, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-6)
    assert np.ptp(together[1]) > 0
