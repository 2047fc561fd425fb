"""Graphs go with what they were traced for, whatever custom gradients they hold; and all gradients stay right."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any
from weakref import WeakSet, ref

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs
from tensorflow.python.framework.func_graph import FuncGraph
from tensorflow.python.framework.ops import gradient_registry

import transfer.fitting.compiling
from transfer.data.target import Target
from transfer.engines.tensorflow import TensorFlow
from transfer.features import Features
from transfer.feeding import Sliced
from transfer.fitting.fit import fit
from transfer.fitting.range_test import lr_find
from transfer.plan.hyperparameters import Training
from transfer.traced import traced

THREE = Target("class", ("a", "b", "c"))
HOW = Training(epochs=2, batch_size=16, lr=0.01)
L = keras.layers
# The optimiser of each tail has a custom gradient too: Keras adds gradients up over replicas even where there is one.
TAILS: dict[str, Callable[[], list[Any]]] = {
    "none in its layers": lambda: [L.Dense(4, "relu")],
    "one in a layer": lambda: [L.Dense(4, "silu")],
    "some in loops": lambda: [L.Reshape((8, 1)), L.GRU(4, "silu", reset_after=False)],
}


@tf.custom_gradient  # type: ignore[untyped-decorator]
def twice(x: Any) -> Any:
    """Return double, with a gradient that nothing but this one has."""
    return 2 * x, lambda dy: 7 * dy


def graphs() -> WeakSet[Any]:
    gc.collect()
    return WeakSet(one for one in gc.get_objects() if type(one) is FuncGraph)


def tail(name: str) -> Any:
    x = tensor = keras.Input((8,))
    for layer in [*TAILS[name](), L.Dense(3)]:
        tensor = layer(tensor)
    return keras.Model(x, tensor)


def splits() -> dict[str, Features]:
    drawn = {name: blobs(n, seed=n) for name, n in (("train", 50), ("valid", 21))}
    return {name: Features((x,), y) for name, (x, y) in drawn.items()}


@pytest.mark.parametrize("name", TAILS)
@pytest.mark.parametrize("xla_steps", [transfer.fitting.compiling.XLA_STEPS, 1])
def test_a_phases_graphs_go_with_it(name: str, xla_steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", xla_steps)
    before, seen = graphs(), list[int]()
    for seed in range(3):
        fit(tail(name), splits(), HOW, THREE, lr=0.01, seed=seed, told=lambda _: seen.append(len(graphs() - before)))
    assert min(seen) > 0
    assert len(graphs() - before) == 0


def test_the_range_tests_graphs_go_with_it() -> None:
    before = graphs()
    lr_find(tail("one in a layer"), splits(), HOW, THREE, seed=0)
    assert len(graphs() - before) == 0


def test_an_engines_graphs_and_the_models_weights_go_with_it() -> None:
    before, model = graphs(), tail("one in a layer")
    weights = [ref(variable.value.handle) for variable in model.variables]
    x = np.zeros((4, 8), np.float32)
    engine = TensorFlow(model, Sliced((x,)))
    assert engine((x,))[0].shape == (4, 3)
    assert len(graphs() - before) > 0
    assert all(weight() is not None for weight in weights)
    del engine, model
    assert len(graphs() - before) == 0
    assert [weight() for weight in weights] == [None] * 4


def slope(within: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the gradient of a function as one."""

    def taken(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = within(x)
        return tape.gradient(y, x)

    return taken


WITHIN: dict[str, Callable[[Any], Any]] = {
    "as it is": twice,
    "in a loop": lambda x: tf.while_loop(lambda i, _: i < 1, lambda i, y: (i + 1, twice(y)), (0, x))[1],
    "in a branch": lambda x: tf.cond(x > 0, lambda: twice(x), lambda: x),
    "in one of several": lambda x: tf.switch_case(tf.cast(x, tf.int32), [lambda: x, lambda: x, lambda: twice(x)]),
    "in a loop in a branch": lambda x: tf.cond(x > 0, lambda: WITHIN["in a loop"](x), lambda: x),
}


@pytest.mark.parametrize("name", WITHIN)
def test_a_gradient_inside_counts_and_is_forgotten(name: str) -> None:
    before, known = graphs(), set(gradient_registry.list())
    function = traced(slope(WITHIN[name]), tf.TensorSpec((), tf.float32), autograph=False)
    assert set(gradient_registry.list()) == known
    assert float(function(tf.constant(2.0))) == 7
    del function
    assert len(graphs() - before) == 0


def test_a_gradient_of_a_function_that_was_traced_for_good_is_kept() -> None:
    held = tf.function(twice)
    forward = traced(held, tf.TensorSpec((), tf.float32))
    assert float(forward(tf.constant(2.0))) == 4
    assert float(traced(slope(held), tf.TensorSpec((), tf.float32))(tf.constant(2.0))) == 7


def test_a_gradient_that_is_registered_meanwhile_is_kept() -> None:
    def function(x: Any) -> Any:
        with tf.Graph().as_default():  # as another thread would
            y = tf.constant(1.0)
            others.append((y, twice(y)))
        return twice(x)

    others = list[tuple[Any, Any]]()
    traced(function, tf.TensorSpec((), tf.float32), autograph=False)
    (y, z), *_ = others
    with y.graph.as_default(), tf.compat.v1.Session() as session:
        assert session.run(tf.gradients(z, y)) == [7]
