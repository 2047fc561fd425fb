"""Losses and figures of each kind of target, against Keras's and NumPy's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from transfer.data.target import Target
from transfer.evaluate import scored
from transfer.fitting.objective import objective

DRAWN = np.random.default_rng(0)
LOGITS = DRAWN.normal(size=(40, 3)).astype(np.float32) * 4
POSITIONS = DRAWN.integers(0, 3, 40)
SHARES = DRAWN.dirichlet(np.ones(3), 40).astype(np.float32)
MANY = DRAWN.integers(0, 2, (40, 3)).astype(np.float32)
NUMBERS = DRAWN.normal(size=(40, 3)).astype(np.float32) * 5 + 100

CLASS = Target("class", ("a", "b", "c"))
MULTILABEL = Target("multilabel", ("a", "b", "c"))
NUMBER = Target("number", ("a", "b", "c"), (100.0, 90.0, 80.0), (5.0, 4.0, 0.5))
NEAR = NUMBERS + LOGITS


def losses_of(target: Target, labels: Any, outputs: Any) -> Any:
    aim = objective(target, labels)
    return aim.losses(tf.constant(labels, aim.dtype if labels.ndim == 1 else tf.float32), outputs).numpy()


def hits_of(target: Target, labels: Any, outputs: Any) -> Any:
    aim = objective(target, labels)
    return aim.hits(tf.constant(labels, aim.dtype), tf.constant(outputs)).numpy()


LOSSES: dict[str, tuple[Target, Any, Any, Any]] = {
    "class": (CLASS, POSITIONS, LOGITS,
              keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)),
    "mixed classes": (CLASS, SHARES, LOGITS, keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None)),
    "multilabel": (MULTILABEL, MANY, LOGITS, keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)),
    "mixed labels": (MULTILABEL, SHARES, LOGITS, keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)),
    "number": (NUMBER, NUMBERS, NEAR,
               lambda y, outputs: keras.losses.mean_squared_error(y / NUMBER.deviation, outputs / NUMBER.deviation)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_keras_s(name: str) -> None:
    target, labels, outputs, reference = LOSSES[name]
    expected = np.asarray(reference(labels, outputs))
    assert expected.shape == (40,)
    np.testing.assert_allclose(losses_of(target, labels, outputs), expected, rtol=1e-4, atol=1e-6)


def test_hits_of_classes_and_labels_are_shares_of_what_is_right() -> None:
    np.testing.assert_array_equal(hits_of(CLASS, POSITIONS, LOGITS), LOGITS.argmax(axis=1) == POSITIONS)
    expected = ((LOGITS > 0) == (MANY == 1)).mean(axis=1)
    np.testing.assert_allclose(hits_of(MULTILABEL, MANY, LOGITS), expected, rtol=1e-6)


def test_hits_of_numbers_have_r2_as_their_mean() -> None:
    wrong, around = ((NEAR - NUMBERS) ** 2).mean(axis=0), NUMBERS.var(axis=0)
    assert hits_of(NUMBER, NUMBERS, NEAR).mean() == pytest.approx((1 - wrong / around).mean(), rel=1e-4)


@pytest.mark.parametrize("case", [(CLASS, POSITIONS, LOGITS), (MULTILABEL, MANY, LOGITS), (NUMBER, NUMBERS, NEAR)])
def test_what_training_counts_is_what_evaluation_says(case: tuple[Target, Any, Any]) -> None:
    target, labels, outputs = case
    score = scored(outputs, labels, target)
    assert losses_of(*case).mean() == pytest.approx(score.loss, rel=1e-5)
    figure = objective(target, labels).exact(float(hits_of(*case).mean()), len(labels))
    assert figure == pytest.approx(score.accuracy, rel=1e-4)
    if target.kind != "number":
        assert figure == score.accuracy, "the rounding of float32 is undone"


def test_a_number_that_does_not_vary_in_validation_is_no_division_by_zero() -> None:
    still = np.concatenate([NUMBERS[:, :2], np.full((40, 1), 7, np.float32)], axis=1)
    assert np.isfinite(hits_of(NUMBER, still, NEAR)).all()
    assert (hits_of(NUMBER, still, still) == 1).all()


def test_shares_can_be_mixed() -> None:
    mixed = objective(CLASS, POSITIONS).shares(tf.constant(POSITIONS, tf.int32)).numpy()
    np.testing.assert_array_equal(mixed, np.eye(3, dtype=np.float32)[POSITIONS])
    np.testing.assert_array_equal(objective(MULTILABEL, MANY).shares(MANY), MANY)
    np.testing.assert_allclose(losses_of(CLASS, mixed, LOGITS), losses_of(CLASS, POSITIONS, LOGITS), rtol=1e-5)
