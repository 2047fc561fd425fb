"""A key covers how a trunk's layers are called, and nothing of what stands above them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from transfer.backbone import describe
from transfer.cache_keys import key_of, trunk_digest
from transfer.graph import closed
from transfer.split import split


def outputs_of(inputs: Any, tensor: Any, units: int = 2) -> Any:
    return keras.Model(inputs, keras.layers.Dense(units, name="outputs")(tensor))


def dense(tensor: Any) -> Any:
    return keras.layers.Dense(6, "tanh", name="d1")(tensor)


def times(factor: Any) -> Any:
    x = keras.Input((8,), name="X")
    return outputs_of(x, dense(keras.ops.multiply(x, factor)))


def clipped(most: float) -> Any:
    x = keras.Input((8,), name="X")
    return outputs_of(x, dense(keras.ops.clip(x, -1.0, most)))


def sliced(first: int) -> Any:
    x = keras.Input((8,), name="X")
    return outputs_of(x, dense(x[:, first : first + 4]))


def state(which: int) -> Any:
    x = keras.Input((5, 3), name="X")
    return outputs_of(x, dense(keras.layers.LSTM(4, return_state=True, name="lstm")(x)[which]))


def difference(turned: bool) -> Any:
    x = keras.Input((8,), name="X")
    shared = keras.layers.Dense(6, "tanh", name="d0")
    sides = [shared(keras.layers.Rescaling(factor, name=f"side{factor}")(x)) for factor in (1, 2)]
    return outputs_of(x, dense(keras.layers.Subtract(name="difference")(sides[::-1] if turned else sides)))


def in_training(on: bool) -> Any:
    x = keras.Input((8,), name="X")
    return outputs_of(x, dense(keras.layers.GaussianNoise(0.5, name="noise")(x, training=on)))


LONG = [np.where(np.arange(3000) == place, 5, 1).astype(np.float32)[:, None] for place in (1500, 1501)]


def by_column(column: Any) -> Any:
    x = keras.Input((3000, 1), name="X")
    return outputs_of(x, dense(keras.ops.max(keras.ops.multiply(x, column), axis=1)))


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (times, 2.0, 3.0), (clipped, 0.1, 0.2), (sliced, 1, 2), (state, 1, 2), (difference, False, True),
        (in_training, False, True), (by_column, *LONG),
    ],
)  # fmt: skip
def test_the_key_covers_how_layers_are_called(make: Callable[[Any], Any], one: Any, other: Any) -> None:
    def key(given: Any) -> str:
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        model = make(given)
        below = closed(describe(model), [layer.name for layer in describe(model) if layer.name != "outputs"])
        return key_of(model, below, split(model, below), "").digest

    assert key(one) == key(one), "it is the same in all processes"
    assert key(one) != key(other)


def test_the_key_is_of_the_trunk_whatever_stands_above() -> None:
    def key(above: Callable[[Any, Any], Any]) -> str:
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        x = keras.Input((8,), name="X")
        sides = [keras.layers.Dense(3, name=name)(x) for name in ("b", "a")]
        model = keras.Model(x, above(*sides))
        return trunk_digest(model, ("X", "a", "b"))

    layers = keras.layers
    assert key(lambda b, a: layers.Concatenate(name="c")([a, b])) == key(
        lambda b, a: layers.Add(name="s")([layers.Dense(3, name="d")(layers.Dense(4, name="e")(b)), a])
    )
