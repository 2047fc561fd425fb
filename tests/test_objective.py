"""Losses and figures of each kind of target, against Keras's and NumPy's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from registry.errors import ZooError
from transfer.data.target import Target
from transfer.evaluate import scored
from transfer.fitting.balance import balanced
from transfer.fitting.objective import objective
from transfer.plan.hyperparameters import Training

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


RARE = np.array([0] * 30 + [1] * 8 + [2] * 2)
SMOOTH = Training(label_smoothing=0.2)
WEIGHED = Training(class_weights="balanced")
BOTH = Training(label_smoothing=0.2, class_weights="balanced")


def training_losses(target: Target, labels: Any, how: Training, train: Any = None) -> Any:
    aim = objective(target, labels, labels if train is None else train, how)
    given = tf.constant(labels, aim.dtype if labels.ndim == 1 else tf.float32)
    return aim.training_losses(given, LOGITS).numpy()


def test_smooth_labels_are_keras_s() -> None:
    classes = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2, reduction=None)
    many = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2, reduction=None)
    shares = np.eye(3, dtype=np.float32)[POSITIONS]
    for target, labels, loss, reference in (
        (CLASS, POSITIONS, classes, shares), (CLASS, SHARES, classes, SHARES), (MULTILABEL, MANY, many, MANY),
    ):  # fmt: skip
        expected = np.asarray(loss(reference, LOGITS))
        np.testing.assert_allclose(training_losses(target, labels, SMOOTH), expected, rtol=1e-4, atol=1e-6)


def test_balanced_weights_are_scikit_learns() -> None:
    weights = pytest.importorskip("sklearn.utils.class_weight")
    expected = weights.compute_class_weight("balanced", classes=np.arange(3), y=RARE)
    np.testing.assert_allclose(balanced(CLASS, RARE), expected)
    for place, pair in enumerate(balanced(MULTILABEL, MANY)):
        labels = MANY[:, place]
        np.testing.assert_allclose(
            pair, weights.compute_class_weight("balanced", classes=np.array([0.0, 1.0]), y=labels)
        )
    assert np.mean(np.take(balanced(CLASS, RARE), RARE)) == pytest.approx(1)


def test_a_class_that_no_sample_has_weighs_nothing() -> None:
    assert balanced(CLASS, np.array([0, 0, 0, 2])) == (4 / 6, 0.0, 2.0)
    assert balanced(MULTILABEL, np.array([[1, 0, 1], [1, 0, 0]])) == ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


def test_rare_classes_weigh_more() -> None:
    weights = np.take(balanced(CLASS, RARE), RARE)
    expected = losses_of(CLASS, RARE, LOGITS) * weights
    np.testing.assert_allclose(training_losses(CLASS, RARE, WEIGHED), expected, rtol=1e-4)
    smooth = training_losses(CLASS, RARE, SMOOTH) * weights
    np.testing.assert_allclose(training_losses(CLASS, RARE, BOTH), smooth, rtol=1e-4)
    mixed = training_losses(CLASS, SHARES, WEIGHED, RARE)
    expected = losses_of(CLASS, SHARES, LOGITS) * (SHARES @ np.array(balanced(CLASS, RARE)))
    np.testing.assert_allclose(mixed, expected, rtol=1e-4)


def test_rare_labels_weigh_more() -> None:
    each = np.log1p(np.exp(-np.where(MANY == 1, LOGITS, -LOGITS).astype(np.float64)))
    pairs = np.array(balanced(MULTILABEL, MANY))
    weights = np.where(MANY == 1, pairs[:, 1], pairs[:, 0])
    found = training_losses(MULTILABEL, MANY, WEIGHED)
    np.testing.assert_allclose(found, (each * weights).mean(axis=1), rtol=1e-4)


def test_validation_is_judged_without_either() -> None:
    aim = objective(CLASS, RARE, RARE, BOTH)
    np.testing.assert_array_equal(aim.losses(tf.constant(RARE, tf.int32), LOGITS), losses_of(CLASS, RARE, LOGITS))
    plain = objective(CLASS, RARE, RARE, Training())
    given = tf.constant(RARE, tf.int32)
    np.testing.assert_array_equal(plain.training_losses(given, LOGITS), plain.losses(given, LOGITS))


@pytest.mark.parametrize(("how", "option"), [(SMOOTH, "--label-smoothing"), (WEIGHED, "--class-weights")])
def test_numbers_are_neither_smoothed_nor_weighed(how: Training, option: str) -> None:
    with pytest.raises(ZooError, match=f"{option} is for classes and labels; the target is numbers") as caught:
        objective(NUMBER, NUMBERS, NUMBERS, how)
    assert caught.value.hint == f"leave {option} out"
