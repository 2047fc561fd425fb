"""Two ways to freeze are one phase: by the list of variables that train, and by a gradient that is stopped.

Our loop takes the first, above cached features. The two plain loops here are the textbook's, on the whole model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, chain

from transfer.backbone import describe
from transfer.data.target import Target
from transfer.extract import forward
from transfer.features import Features
from transfer.feeding import Sliced
from transfer.fitting.fit import fit
from transfer.graph import closed
from transfer.plan.hyperparameters import Training
from transfer.split import freeze, split

SEED, EPOCHS, BATCH, N = 3, 4, 10, 50
LR = {"sgd": 0.05, "momentum": 0.02, "adam": 0.01}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: keras.optimizers.SGD(LR["sgd"]),
    "momentum": lambda: keras.optimizers.SGD(LR["momentum"], momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(LR["adam"]),
}
FROZEN = ("hidden1", "hidden2")
DATA = {"train": blobs(N, seed=0), "valid": blobs(21, seed=1)}

Weights = list[np.ndarray]


def by_cached_features(model: Any, name: str) -> tuple[Weights, int]:
    """Train by our loop; return the weights, and of which epoch they are."""
    freeze(model, FROZEN)
    halves = split(model, closed(describe(model), FROZEN))
    splits = {key: Features((next(iter(forward(halves.trunk, Sliced((x,)))))[0],), y) for key, (x, y) in DATA.items()}
    how = Training(epochs=EPOCHS, patience=EPOCHS, batch_size=BATCH, lr=LR[name], optimizer=name)
    fitted = fit(halves.tail, splits, how, Target("class", ("a", "b", "c")), lr=how.lr, seed=SEED)
    assert fitted.improved
    return model.get_weights(), fitted.best


def batches() -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows of each step as our loop takes them, with the number of the epoch."""
    for epoch in range(EPOCHS):
        order = np.random.default_rng([SEED, epoch]).permutation(N)
        yield from ((epoch, order[start : start + BATCH]) for start in range(0, N, BATCH))


def plainly(model: Any, name: str, logits: Callable[[Any], Any], variables: list[Any], best: int) -> Weights:
    """Train variables by a plain loop up to the end of an epoch."""
    optimizer, (x, y) = OPTIMIZERS[name](), DATA["train"]
    for epoch, rows in batches():
        if epoch > best:
            break
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y[rows].astype(np.int32), logits(x[rows]))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        given = [(one, variable) for one, variable in zip(gradients, variables, strict=True) if one is not None]
        optimizer.apply_gradients(given)
    return model.get_weights()


def by_variables(model: Any, name: str, best: int) -> Weights:
    for scope in FROZEN:
        model.get_layer(scope).trainable = False
    return plainly(model, name, lambda x: model(x, training=True), model.trainable_variables, best)


def by_stopped_gradient(model: Any, name: str, best: int) -> Weights:
    """Let every variable train, above whose frozen layers no gradient comes through."""
    layers = [layer for layer in model.layers if layer.weights]

    def logits(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
            if layer.name == FROZEN[-1]:
                x = tf.stop_gradient(x)
        return x

    assert len(model.trainable_variables) == 2 * len(layers), "all of them"
    return plainly(model, name, logits, model.trainable_variables, best)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_both_ways_to_freeze_are_the_phase_from_cached_features(name: str) -> None:
    begun = chain(outputs=3).get_weights()
    models = [chain(outputs=3) for _ in range(3)]
    for model in models:
        model.set_weights(begun)
    ours, best = by_cached_features(models[0], name)
    listed, stopped = by_variables(models[1], name, best), by_stopped_gradient(models[2], name, best)
    held = 2 * len(FROZEN)
    for weights in (ours, listed, stopped):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(weights[:held], begun, strict=False)), "frozen: exactly"
    assert all(a.tobytes() == b.tobytes() for a, b in zip(listed, stopped, strict=True)), "the two ways: exactly"
    for a, b, start in zip(ours[held:], listed[held:], begun[held:], strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=2e-6), "ours: but for the rounding of a compiled loop"
        assert np.abs(a - start).max() > 1e-3, "and it has trained"
