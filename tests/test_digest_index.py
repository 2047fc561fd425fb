"""Digests found among many, against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.digest_index import Index, firsts

# Few different beginnings, so that digests that differ begin alike.
DIGESTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30)


def digests(numbers: list[tuple[int, int]]) -> np.ndarray:
    found = np.zeros((len(numbers), 32), np.uint8)
    for row, (first, last) in enumerate(numbers):
        found[row, :8], found[row, 31] = first * 101, last
    return found


@settings(deadline=None)
@given(DIGESTS, DIGESTS)
def test_each_is_found_where_it_stands_last(held: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    known = {one: row for row, one in enumerate(held)}
    assert Index(digests(held)).find(digests(asked)).tolist() == [known.get(one, -1) for one in asked]


@settings(deadline=None)
@given(DIGESTS)
def test_where_each_stands_first(held: list[tuple[int, int]]) -> None:
    assert firsts(digests(held)).tolist() == sorted(held.index(one) for one in set(held))


def test_more_than_are_looked_for_at_once() -> None:
    many = np.random.default_rng(0).integers(0, 256, (1_200_000, 32), np.uint8)
    order = np.random.default_rng(1).permutation(len(many))
    assert np.array_equal(Index(many).find(many[order]), order)
    assert len(firsts(np.concatenate([many[:1000], many[:1000]]))) == 1000
