"""Paired differences: published examples, SciPy's numbers, and what the intervals promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from transfer.controls.paired import Difference, hits, limit, newcombe, over_samples, over_seeds, student_t
from transfer.data.target import Target
from transfer.evaluate import scored

CLASSES = Target("class", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # Altman et al., Statistics with Confidence (2nd ed., 2000), chapter 6 by Newcombe himself, table 6.2: 0.122,
        # 0.011 to 0.226.
        ((14, 5, 0, 22), (0.011, 0.226)),
        # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8, and the tests of
        # their R package contingencytables ("Newcombe square-and-add"). Airway hyper-responsiveness of 21 children
        # (Bentur et al. 2009): -0.286, -0.507 to -0.026.
        ((1, 1, 7, 12), (-0.507, -0.026)),
        # Complete response before and after consolidation (Cavo et al. 2012): -0.0621, -0.1186 to -0.0046.
        ((59, 6, 16, 80), (-0.1186, -0.0046)),
    ],
)
def test_published_examples(counts: tuple[int, int, int, int], published: tuple[float, float]) -> None:
    digits = 4 if 0.0046 in map(abs, published) else 3
    assert newcombe(*counts) == pytest.approx(published, abs=0.5001 * 10**-digits)


def score_bounds(hits: int, n: int) -> tuple[float, float]:
    """Find where the score test of a share just rejects: `|p - hits / n| = z sqrt(p (1 - p) / n)`, by bisection."""
    share, z = hits / n, norm.ppf(0.975)

    def excess(p: float) -> float:
        return abs(p - share) - z * math.sqrt(p * (1 - p) / n)

    low = 0.0 if hits == 0 else brentq(excess, 1e-12, min(share, 1 - 1e-9), xtol=1e-14)
    return low, 1.0 if hits == n else brentq(excess, max(share, 1e-9), 1 - 1e-12, xtol=1e-14)


@pytest.mark.parametrize(
    "counts",  # the paper's own tables were not at hand; these are of its kind: few pairs, and cells without any
    [(36, 12, 2, 0), (36, 14, 0, 0), (53, 0, 1, 0), (53, 1, 0, 0), (18, 2, 0, 0), (30, 0, 0, 0), (2, 97, 1, 0),
     (0, 0, 0, 7), (1, 2, 3, 4), (4000, 300, 200, 361)],
)  # fmt: skip
def test_the_formula_from_bounds_that_are_found_and_not_computed(counts: tuple[int, int, int, int]) -> None:
    """Compute method 10 once more: score bounds by root finding, and phi as a correlation of zeros and ones."""
    _, first, second, _ = counts
    n = sum(counts)
    hits = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], counts, axis=0).T
    shares, phi = hits.mean(axis=1), 0.0
    if hits.std(axis=1).all():
        phi = float(np.corrcoef(hits)[0, 1])
        product = float(np.prod(hits.sum(axis=1) * (n - hits.sum(axis=1))))
        phi = phi if phi <= 0 else max(phi - n / 2 / math.sqrt(product), 0.0)
    (low, high), (low2, high2) = (score_bounds(int(one.sum()), n) for one in hits)
    down, up = shares[0] - low, high - shares[0]
    down2, up2 = shares[1] - low2, high2 - shares[1]
    below = math.sqrt(down**2 - 2 * phi * down * up2 + up2**2)
    above = math.sqrt(up**2 - 2 * phi * up * down2 + down2**2)
    difference = (first - second) / n
    assert newcombe(*counts) == pytest.approx((difference - below, difference + above), abs=1e-9)


def coverage(both: float, first: float, second: float, n: int) -> float:
    """Sum the probabilities of all outcomes of `n` pairs whose interval holds `first - second`; exact."""
    shares = np.log([both, first, second, 1 - both - first - second])
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    held = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            for c in range(n + 1 - a - b):
                counts = (a, b, c, n - a - b - c)
                low, high = newcombe(*counts)
                if low <= first - second <= high:
                    log = factorials[n] + sum(k * p - factorials[k] for k, p in zip(counts, shares, strict=True))
                    held += math.exp(log)
    return held


@pytest.mark.parametrize(("both", "first", "second"), [(0.85, 0.08, 0.02), (0.6, 0.1, 0.1), (0.25, 0.3, 0.2)])
def test_the_interval_holds_the_difference_as_often_as_it_says(both: float, first: float, second: float) -> None:
    assert 0.94 < coverage(both, first, second, 30) < 0.995  # a little wide where models are alike


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
    assert over_seeds([0.5, 0.61], [0.3, 0.4]).sign == 1
    assert over_seeds([0.3, 0.4], [0.5, 0.61]).sign == -1


def test_over_seeds_no_interval_goes_beyond_what_figures_can_do() -> None:
    far = [0.9, 0.5], [0.2, 0.4]
    assert (over_seeds(*far).low, over_seeds(*far).high) == pytest.approx((0.4 - 3.8118614, 0.4 + 3.8118614))
    found = over_seeds(*far, most=limit("class"))
    assert (found.low, found.high, found.sign) == (-1, 1, 0)
    assert over_seeds([-9.0, -7.0], [0.5, 0.6], most=limit("number")).low < -10, "R2 has no lower limit"


NARROW = Difference(-0.0167, -0.05, 0.02, 120, "samples", 1, 3)
WIDE = Difference(-0.0167, -0.06, 0.03, 120, "samples", 2, 4)


@pytest.mark.parametrize(
    ("seeds", "each", "told"),
    [
        (2, [NARROW, WIDE], WIDE),
        (9, [NARROW] * 9, NARROW),
        (2, [NARROW, None], Difference(-0.1, -1.0, 1.0, 2, "seeds", 0, 2)),
        (5, [], Difference(-0.1, -1.0, 1.0, 5, "seeds", 0, 5)),
        (6, [], Difference(-0.1, -0.1, -0.1, 6, "seeds", 0, 6)),
    ],
)
def test_seeds_that_differ_alike_do_not_make_certain(
    seeds: int, each: list[Difference | None], told: Difference
) -> None:
    found = over_seeds([0.3, 0.7, *[0.5] * 7][:seeds], [0.4, 0.8, *[0.6] * 7][:seeds], each, limit("class"))
    assert vars(found) == pytest.approx(vars(told))


def test_samples_that_all_differ_alike_are_too_few_to_tell() -> None:
    y, target = np.array([[1, 1], [1, 0]], np.float32), Target("multilabel", ("a", "b"))
    right, half = np.where(y, 1, -1).astype(np.float32), np.where(y, 1, -1).astype(np.float32) * np.float32([1, -1])
    assert over_samples(right, half, y, target) == Difference(0.5, -1.0, 1.0, 2, "samples", 2, 0)


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
