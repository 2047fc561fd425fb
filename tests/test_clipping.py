"""Each way of clipping gradients against its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from conftest import chain
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.fitting.clipping import REMEMBERED, QuantileClip, quantile
from transfer.fitting.optimizers import optimizer
from transfer.plan.hyperparameters import Training

DRAWS = np.random.default_rng(0)


def drawn(scale: float) -> list[np.ndarray]:
    return [(scale * DRAWS.normal(size=w.shape)).astype(np.float32) for w in chain(outputs=3).get_weights()]


def norm(gradients: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.square(g.astype(np.float64)).sum() for g in gradients)))


def by_value(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return [np.clip(g, -0.5, 0.5) for g in gradients]


def by_each(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return [g * min(1, 0.5 / norm([g])) for g in gradients]


def by_all(gradients: list[np.ndarray]) -> list[np.ndarray]:
    return [g * min(1, 0.5 / norm(gradients)) for g in gradients]


FORMULAS = {"clip_value": by_value, "clip_each_norm": by_each, "clip_norm": by_all}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("scale", [2.0, 1e-3])
def test_each_is_its_formula(name: str, scale: float) -> None:
    model, gradients = chain(outputs=3), drawn(scale)
    before = model.get_weights()
    how = Training(optimizer="sgd", **{name: 0.5})  # type: ignore[arg-type]
    optimizer(how, 0.1, 9, model).apply([tf.constant(g) for g in gradients], model.trainable_variables)
    expected = [w - 0.1 * g for w, g in zip(before, FORMULAS[name](gradients), strict=True)]
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_the_quantile_is_of_all_norms_seen_and_the_present_one(share: float) -> None:
    clip, seen = QuantileClip(share), []
    compiled = tf.function(clip, autograph=False)
    for scale in (1.0, 5.0, 0.2, 0.2, 3.0, 1.0, 0.0):
        gradients = drawn(scale)
        seen.append(norm(gradients))
        bound = float(np.quantile(seen, share))
        expected = [g * (min(1, bound / seen[-1]) if seen[-1] else 1) for g in gradients]
        found = [one.numpy() for one in compiled([tf.constant(g) for g in gradients])]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_old_norms_are_forgotten() -> None:
    clip = QuantileClip(0.0)
    step: Any = tf.function(clip, autograph=False)
    step([tf.constant([1e-3])])
    for _ in range(REMEMBERED - 1):
        step([tf.constant([2.0])])
    assert step([tf.constant([3.0])])[0].numpy() == [2.0], "the first, which was smaller, is gone"
    assert int(clip.count) == REMEMBERED + 1


def test_a_variable_without_a_gradient_is_left_out() -> None:
    assert QuantileClip(0.5)([None, tf.constant([3.0])])[0] is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=20), st.floats(0, 1))
def test_the_quantile_is_numpys(values: list[float], share: float) -> None:
    filled = tf.constant(values + [np.inf] * 5, tf.float32)
    found = float(quantile(filled, tf.constant(len(values)), share))
    assert found == pytest.approx(float(np.quantile(np.array(values), share)), rel=1e-3, abs=1e-3)
