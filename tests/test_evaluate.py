from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.evaluate import cross_entropy, score, wilson


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
