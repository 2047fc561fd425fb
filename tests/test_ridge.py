from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Rival
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from registry.errors import ZooError
from transfer.data.target import Target
from transfer.probes.ridge import ridge, spectrum

CLASSES = Target("class", ("a", "b", "c"))
NUMBERS = Target("number", ("y", "z"), (0.0, 0.0), (1.0, 1.0))
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


def features(n: int, d: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, d)) * random.uniform(0.2, 3, d) + random.normal(size=d)).astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(60, 7), (25, 90), (40, 40)])
def test_it_is_scikit_learns_ridge_on_numbers(n: int, d: int) -> None:
    x = features(n, d)
    y = (x[:, :2] * 2 + features(n, 2, 5)).astype(np.float32)
    ours, theirs = ridge(x, y, NUMBERS, PENALTIES), RidgeCV(PENALTIES).fit(x.astype(np.float64), y)
    assert ours.penalty == theirs.alpha_
    assert np.allclose(ours.weights, theirs.coef_.T, atol=1e-8)
    assert np.allclose(ours.predict(x), theirs.predict(x.astype(np.float64)), atol=1e-7)
    again = cross_val_predict(Rival(ours.penalty), x.astype(np.float64), y, cv=LeaveOneOut())
    assert np.allclose(ours.left_out, again, atol=1e-6)


@pytest.mark.parametrize(("n", "d"), [(60, 7), (30, 90)])
def test_it_is_scikit_learns_classifier_on_classes(n: int, d: int) -> None:
    x, labels = features(n, d), np.arange(n) % 3
    x[np.arange(n), labels] += 2
    ours, theirs = ridge(x, labels, CLASSES, PENALTIES), RidgeClassifierCV(PENALTIES).fit(x.astype(np.float64), labels)
    assert ours.penalty == theirs.alpha_
    assert np.array_equal(ours.predict(x).argmax(axis=1), theirs.predict(x.astype(np.float64)))
    assert np.allclose(ours.predict(x), theirs.decision_function(x.astype(np.float64)), atol=1e-7)
    again = cross_val_predict(Rival(ours.penalty), x.astype(np.float64), np.eye(3)[labels] * 2 - 1, cv=LeaveOneOut())
    assert ours.score.accuracy == (again.argmax(axis=1) == labels).mean()
    assert ours.score.ci95[0] < ours.score.accuracy < ours.score.ci95[1]


def test_several_labels_are_scored_one_by_one() -> None:
    x = features(50, 6)
    labels = (x[:, :2] > x[:, :2].mean(axis=0)).astype(np.float32)
    found = ridge(x, labels, Target("multilabel", ("p", "q")))
    assert found.score.accuracy == ((found.left_out > 0) == (labels > 0.5)).mean()
    assert found.score.accuracy > 0.8


def test_the_grid_follows_the_features_scale() -> None:
    x, labels = features(40, 5), np.arange(40) % 3
    small, large = ridge(x, labels, CLASSES), ridge(x * 1000, labels, CLASSES)
    assert np.isclose(large.penalty, small.penalty * 1e6)
    assert np.allclose(small.left_out, large.left_out, atol=1e-6)


def test_noise_is_worth_no_more_than_guessing() -> None:
    x, labels = features(300, 200), np.random.default_rng(1).integers(0, 3, 300)
    assert ridge(x, labels, CLASSES).score.accuracy < 0.45


def test_columns_that_do_not_vary_change_nothing() -> None:
    x, labels = features(40, 5), np.arange(40) % 3
    padded = np.concatenate([x, np.full((40, 3), 7, np.float32)], axis=1)
    assert len(spectrum(padded).squares) == 5
    assert np.allclose(ridge(x, labels, CLASSES, [1.0]).left_out, ridge(padded, labels, CLASSES, [1.0]).left_out)
    dead = ridge(np.zeros((40, 4)), labels, CLASSES)
    assert np.isfinite(dead.predict(np.ones((2, 4)))).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((1, 2)), "at least two samples, a label each; got 1 and 1 labels"),
        (np.full((4, 2), np.nan), "the features are not finite"),
    ],
)
def test_what_cannot_be_probed(x: np.ndarray, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        ridge(x, np.zeros(len(x), np.int64), CLASSES)
