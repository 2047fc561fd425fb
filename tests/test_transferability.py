"""Scores of transferability against direct implementations of their papers, and scikit-learn and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import weightedtau
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from transfer.data.target import Target
from transfer.transferability.bootstrap import resampled
from transfer.transferability.correlation import weighted_tau
from transfer.transferability.hscore import hscore
from transfer.transferability.knn import knn
from transfer.transferability.leep import leep
from transfer.transferability.logme import logme
from transfer.transferability.scores import SCORES, Sight

SHAPES = [(60, 7), (25, 90)]


def drawn(n: int, d: int, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random, labels = np.random.default_rng(n), np.arange(n) % 3
    x = random.normal(size=(n, d))
    x[np.arange(n), labels] += apart
    return x, labels


def evidence(x: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> float:
    """The log density of `y` under `N(0, 1 / beta + x x' / alpha)`, per sample."""
    covariance = np.eye(len(x)) / beta + x @ x.T / alpha
    return -0.5 * (len(y) * math.log(2 * math.pi) + np.linalg.slogdet(covariance)[1]
                   + y @ np.linalg.solve(covariance, y)) / len(y)  # fmt: skip


def test_logme_is_the_largest_evidence_of_a_linear_model() -> None:
    x, labels = drawn(60, 7)
    y = (labels == 0).astype(float)
    rival = BayesianRidge(
        fit_intercept=False, max_iter=2000, tol=1e-10, alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0
    ).fit(x, y)
    assert logme(x, y[:, None]) == pytest.approx(evidence(x, y, rival.lambda_, rival.alpha_), abs=1e-5)
    grid = np.exp(np.linspace(-6, 6, 41))
    best = max(evidence(x, y, alpha, beta) for alpha in grid for beta in grid)
    assert best - 1e-9 <= logme(x, y[:, None]) < best + 0.01


def test_logme_takes_more_features_than_samples() -> None:
    x, labels = drawn(25, 90)
    y = (labels == 0).astype(float)
    grid = np.exp(np.linspace(-8, 8, 65))
    best = max(evidence(x, y, alpha, beta) for alpha in grid for beta in grid)
    assert logme(x, y[:, None]) == pytest.approx(best, abs=0.02)


def test_leep_is_its_two_equations() -> None:
    random, labels = np.random.default_rng(0), np.arange(40) % 3
    theta = random.dirichlet(np.ones(5), 40)
    joint = np.zeros((3, 5))
    for row, label in zip(theta, labels, strict=True):
        joint[label] += row / 40
    total = sum(
        math.log(sum(joint[y, z] / joint[:, z].sum() * row[z] for z in range(5)))
        for row, y in zip(theta, labels, strict=True)
    )
    assert leep(theta, labels, 3) == pytest.approx(total / 40)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_hscore_is_its_trace_with_ledoit_and_wolfs_covariance(n: int, d: int) -> None:
    x, labels = drawn(n, d)
    covariance, share = ledoit_wolf(x)
    means = np.array([x[labels == label].mean(axis=0) for label in labels]) - x.mean(axis=0)
    direct = np.trace(np.linalg.inv(covariance) @ (means.T @ means / n)) * (1 - share)
    assert hscore(x, labels) == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_neighbours_are_scikit_learns(n: int, d: int) -> None:
    x, labels = drawn(n, d)
    rival = KNeighborsClassifier(5, metric="cosine", algorithm="brute")
    theirs = cross_val_predict(rival, x, labels, cv=LeaveOneOut(), method="predict_proba")
    assert np.allclose(knn(x, np.eye(3)[labels]), theirs)


@pytest.mark.parametrize("seed", range(5))
def test_the_correlation_is_scipys(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 9)).tolist()
    assert weighted_tau(x, y) == pytest.approx(weightedtau(x, y).statistic)


def test_too_little_has_no_correlation() -> None:
    assert math.isnan(weighted_tau([1.0], [2.0]))
    assert math.isnan(weighted_tau([1.0, 2.0], [3.0, 3.0]))


def test_intervals_are_those_of_a_mean_and_repeat_with_their_seed() -> None:
    values = np.random.default_rng(0).normal(size=400)
    half = 1.96 * values.std() / 20
    for of_shares, close in ((True, 0.03), (False, 0.05)):
        found = resampled(lambda rows: float(values[rows].mean()), 400, 1, of_shares=of_shares)
        assert found.figure == values.mean()
        assert found.ci95 == pytest.approx((values.mean() - half, values.mean() + half), abs=close)
        assert resampled(lambda rows: float(values[rows].mean()), 400, 1, of_shares=of_shares).ci95 == found.ci95


def test_a_difference_is_paired() -> None:
    """Two figures that rise and fall with the samples differ by far less than either may be off."""
    values = np.random.default_rng(0).normal(size=400)
    one, other = (
        resampled(lambda rows, more=more: float(values[rows].mean()) + more, 400, 1, of_shares=True)
        for more in (0.05, 0.0)
    )
    assert one.ci95[0] < other.figure, "their intervals overlap"
    assert (one - other).ci95 == pytest.approx((0.05, 0.05)) and (one - other).figure == pytest.approx(0.05)


@pytest.mark.parametrize("name", SCORES)
def test_every_score_prefers_features_that_tell_the_classes_apart(name: str) -> None:
    target = Target("class", ("a", "b", "c"))
    found = []
    for apart in (0.0, 4.0):
        x, labels = drawn(90, 6, apart)
        sight = Sight(x, labels, target, np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
        score, again = sight.score(name), sight.resampled(name, 0)
        assert score is not None and again is not None and again.ci95[0] <= score <= again.ci95[1]
        assert again.figure == score
        found.append(score)
    assert found[1] > found[0] + 0.05


@pytest.mark.parametrize("kind", ["multilabel", "number"])
def test_other_targets_have_no_scores_of_classes(kind: str) -> None:
    x, labels = drawn(60, 6, 4.0)
    deviation = (0.5, 0.5) if kind == "number" else ()
    target = Target(kind, ("y", "z"), deviation, deviation)
    sight = Sight(x, np.eye(3, dtype=np.float32)[labels][:, :2], target)
    scores = {name: sight.score(name) for name in SCORES}
    assert scores["leep"] is None and scores["hscore"] is None and sight.resampled("leep", 0) is None
    assert scores["probe"] > 0.5 and scores["knn"] > 0.5 and math.isfinite(scores["logme"])
