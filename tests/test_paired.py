"""Paired differences: published examples, scikit-learn and SciPy's numbers, and what the intervals promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.controls.paired import Difference, hits, newcombe, over_samples, over_seeds, student_t
from transfer.data.target import Target
from transfer.evaluate import scored

CLASSES = Target("class", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # Altman et al., Statistics with Confidence (2nd ed., 2000), table 6.2: 0.122, 0.011 to 0.226.
        ((14, 5, 0, 22), (0.011, 0.226)),
        # Fagerland, Lydersen and Laake 2014, airway hyper-responsiveness of 21 children: -0.286, -0.507 to -0.026.
        ((1, 1, 7, 12), (-0.507, -0.026)),
    ],
)
def test_published_examples(counts: tuple[int, int, int, int], published: tuple[float, float]) -> None:
    assert newcombe(*counts) == pytest.approx(published, abs=5e-4)


@given(st.tuples(*[st.integers(0, 300)] * 4).filter(any))
def test_the_interval_of_shares(counts: tuple[int, int, int, int]) -> None:
    both, first, second, neither = counts
    low, high = newcombe(*counts)
    difference = (first - second) / sum(counts)
    assert -1 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1
    assert low < high
    assert newcombe(both, second, first, neither) == pytest.approx((-high, -low), abs=1e-12)
    assert newcombe(neither, second, first, both) == pytest.approx((-high, -low), abs=1e-9)  # of misses


@pytest.mark.parametrize(
    ("freedom", "quantile"),  # of the tables, as SciPy gives them
    [(1, 12.706204736), (2, 4.302652730), (3, 3.182446305), (4, 2.776445105), (9, 2.262157163), (10, 2.228138852),
     (29, 2.045229642), (100, 1.983971519), (999, 1.962341461), (50_001, 1.960011430)],
)  # fmt: skip
def test_students_t(freedom: int, quantile: float) -> None:
    assert student_t(freedom) == pytest.approx(quantile, abs=1e-8)


def test_over_seeds() -> None:
    found = over_seeds([0.95, 0.97, 0.96, 0.90], [0.90, 0.91, 0.94, 0.91])
    assert (found.n, found.over, found.better, found.worse) == (4, "seeds", 3, 1)
    half = 3.182446305 * np.std([0.05, 0.06, 0.02, -0.01], ddof=1) / 2
    assert (found.mean, found.low, found.high) == pytest.approx((0.03, 0.03 - half, 0.03 + half))
    assert found.sign == 0
    assert over_seeds([0.5, 0.6], [0.3, 0.4]).sign == 1
    assert over_seeds([0.3, 0.4], [0.5, 0.6]).sign == -1
    assert over_seeds([0.5, 0.5], [0.5, 0.5]) == Difference(0.0, 0.0, 0.0, 2, "seeds")


def outputs(kind: str, n: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, and the outputs of a better and a worse model."""
    draws = np.random.default_rng(seed)
    if kind == "class":
        y = draws.integers(0, 3, n)
        true = np.eye(3)[y]
    elif kind == "multilabel":
        y = draws.integers(0, 2, (n, 3)).astype(np.float32)
        true = y - 0.5
    else:
        true = y = draws.normal(5, 2, (n, 3)).astype(np.float32)
    first, second = (true + draws.normal(0, size, true.shape) for size in (noise, 2 * noise))
    return y, first.astype(np.float32), second.astype(np.float32)


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
def test_over_samples(kind: str) -> None:
    target = Target(kind, ("a", "b", "c"))
    y, first, second = outputs(kind, 400, 0.5, 1)
    found = over_samples(first, second, y, target)
    assert found is not None
    assert found.mean == pytest.approx(scored(first, y, target).accuracy - scored(second, y, target).accuracy)
    assert (found.n, found.over, found.sign) == (400, "samples", 1)
    assert found.better > found.worse > 0
    turned = over_samples(second, first, y, target)
    assert turned is not None
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    same = over_samples(first, first, y, target)
    assert same is not None
    assert (same.mean, same.sign, same.better, same.worse) == (0, 0, 0, 0)
    assert over_samples(first[:0], second[:0], y[:0], target) is None


def test_one_sample_says_nothing_of_numbers_and_little_of_classes() -> None:
    y, first, second = outputs("number", 1, 1.0, 0)
    assert over_samples(first, second, y, Target("number", ("a", "b", "c"))) is None
    one = hits(np.array([True]), np.array([False]))
    assert (one.mean, one.sign) == (1.0, 0)
    assert all(map(math.isfinite, (one.low, one.high)))


@pytest.mark.parametrize("kind", ["class", "multilabel", "number"])
def test_nineteen_of_twenty_intervals_hold_the_difference(kind: str) -> None:
    target = Target(kind, ("a", "b", "c"))
    y, first, second = outputs(kind, 200_000, 0.6, 2)
    true = over_samples(first, second, y, target)
    assert true is not None
    draws, held = np.random.default_rng(3), 0
    for _ in range(1000):
        rows = draws.integers(0, len(y), 150)
        found = over_samples(first[rows], second[rows], y[rows], target)
        assert found is not None
        held += found.low <= true.mean <= found.high
    assert 925 <= held <= 985  # three deviations below 0.95; Newcombe's is a little wide


def test_intervals_over_seeds_hold_the_difference() -> None:
    draws, held = np.random.default_rng(4), 0
    for _ in range(2000):
        luck = draws.normal(0, 0.05, 5)
        found = over_seeds(0.9 + luck + draws.normal(0, 0.01, 5), 0.88 + luck + draws.normal(0, 0.01, 5))
        held += found.low <= 0.02 <= found.high
    assert 1870 <= held <= 1930
