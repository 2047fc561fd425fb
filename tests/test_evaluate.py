from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from transfer.data.target import Target
from transfer.evaluate import MEASURES, cross_entropy, score, scored, wilson


def test_scores() -> None:
    logits = np.array([[2, 1, 0], [0, 3, 1], [1, 0, 5], [9, 0, 0]], np.float32)
    got = score(logits, np.array([0, 1, 2, 1]), ("a", "b", "c"))
    assert (got.n, got.accuracy, got.per_class) == (4, 0.75, {"a": 1.0, "b": 0.5, "c": 1.0})
    reference = keras.losses.sparse_categorical_crossentropy(np.array([0, 1, 2, 1]), logits, from_logits=True)
    assert got.loss == pytest.approx(float(np.mean(reference)), rel=1e-6)


def test_classes_without_samples_have_no_accuracy() -> None:
    assert set(score(np.eye(3, dtype=np.float32)[:2], np.array([0, 1]), ("a", "b", "c")).per_class) == {"a", "b"}


def test_large_logits_do_not_overflow() -> None:
    assert cross_entropy(np.array([[1e4, -1e4]], np.float32), np.array([1])) == pytest.approx(2e4)


# Newcombe 1998, table 1, method 3.
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6), st.data())
def test_wilsons_interval_holds_the_share(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1


DRAWN = np.random.default_rng(3)
MULTILABEL = Target("multilabel", ("a", "b", "c"))
NUMBER = Target("number", ("x", "y"), (1.0, 50.0), (2.0, 30.0))


def test_each_kind_of_target_has_its_measure() -> None:
    assert MEASURES == {"class": "accuracy", "multilabel": "label accuracy", "number": "R2"}
    logits = np.array([[2, 1], [0, 3]], np.float32)
    assert scored(logits, np.array([0, 0]), Target("class", ("a", "b"))) == score(logits, np.array([0, 0]), ("a", "b"))


def test_several_labels_are_scored_as_scikit_learn_does() -> None:
    logits = DRAWN.normal(size=(50, 3)).astype(np.float32) * 5
    labels = DRAWN.integers(0, 2, (50, 3)).astype(np.float32)
    got = scored(logits, labels, MULTILABEL)
    assert got.n == 50
    assert got.accuracy == pytest.approx(1 - metrics.hamming_loss(labels, logits > 0), rel=1e-12)
    for place, name in enumerate(MULTILABEL.classes):
        assert got.per_class[name] == metrics.accuracy_score(labels[:, place], logits[:, place] > 0)
    shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
    assert got.loss == pytest.approx(
        np.mean([metrics.log_loss(labels[:, place], shares[:, place], labels=[0, 1]) for place in range(3)]), rel=1e-6
    )
    assert got.ci95 == wilson(round(got.accuracy * 150), 150)
    assert got.errors == {}


def test_several_labels_far_from_zero_do_not_overflow() -> None:
    got = scored(np.array([[1e4, -1e4, 0]], np.float32), np.array([[0, 0, 1]], np.float32), MULTILABEL)
    assert got.loss == pytest.approx((1e4 + np.log(2)) / 3)
    assert got.per_class == {"a": 0.0, "b": 1.0, "c": 0.0}


def test_numbers_are_scored_as_scikit_learn_does() -> None:
    labels = (DRAWN.normal(size=(60, 2)) * [2, 30] + [1, 50]).astype(np.float32)
    outputs = labels + DRAWN.normal(size=(60, 2)).astype(np.float32) * 2
    got = scored(outputs, labels, NUMBER)
    labels, outputs = labels.astype(np.float64), outputs.astype(np.float64)
    assert (got.n, list(got.per_class)) == (60, ["x", "y"])
    assert got.accuracy == pytest.approx(metrics.r2_score(labels, outputs), rel=1e-6)
    assert list(got.per_class.values()) == pytest.approx(
        metrics.r2_score(labels, outputs, multioutput="raw_values").tolist(), rel=1e-6
    )
    assert got.errors["mae"] == pytest.approx(metrics.mean_absolute_error(labels, outputs), rel=1e-6)
    assert got.errors["rmse"] == pytest.approx(np.sqrt(metrics.mean_squared_error(labels, outputs)), rel=1e-6)
    scaled = NUMBER.deviation
    assert got.loss == pytest.approx(metrics.mean_squared_error(labels / scaled, outputs / scaled), rel=1e-6)
    assert got.ci95[0] < got.accuracy < got.ci95[1] <= 1


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_numbers_that_do_not_vary(error: float) -> None:
    labels = np.full((4, 1), 3, np.float32)
    got = scored(labels + np.float32(error), labels, Target("number", ("x",), (3.0,), (1.0,)))
    assert got.accuracy == metrics.r2_score(labels, labels + error) == (0.0 if error else 1.0)


def test_the_interval_of_r2_covers_as_often_as_it_says() -> None:
    """Labels have variance 1 and errors 0.2, so R2 is 0.8; the share of 400 draws has a deviation of 1.1 %."""
    covered = 0
    for number in range(400):
        draws = np.random.default_rng(number)
        labels = draws.normal(size=(200, 1)).astype(np.float32)
        outputs = labels + draws.normal(scale=np.sqrt(0.2), size=(200, 1)).astype(np.float32)
        low, high = scored(outputs, labels, Target("number", ("x",), (0.0,), (1.0,))).ci95
        covered += low <= 0.8 <= high
    assert 0.91 <= covered / 400 <= 0.98
