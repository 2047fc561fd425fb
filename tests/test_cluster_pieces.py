"""How samples are parted among workers: pure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.cache_files import BLOCK
from transfer.cluster.pieces import MOST_BYTES, MOST_SAMPLES, lengths, pieces

ROWS = st.integers(0, 60_000)
WIDTHS = st.integers(1, 2**22)


@settings(deadline=None)
@given(ROWS, st.integers(1, 300), WIDTHS)
def test_pieces_are_all_samples_in_order_and_end_where_blocks_do(count: int, workers: int, width: int) -> None:
    found = lengths(count, workers, width)
    assert sum(found) == count
    assert all(size % BLOCK == 0 for size in found[:-1])
    assert all(0 < size <= max(BLOCK, min(MOST_SAMPLES, MOST_BYTES // width)) for size in found)
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("count", "workers", "width", "many"),
    [
        (0, 2, 4, 0),
        (100, 200, 4, 1),
        (5_000, 2, 5120, 15),
        (1_000_000, 200, 5120, 2_000),
        (100_000_000, 200, 5120, 13_000),
        (10_000, 2, 24 * 24 * 144 * 4, 40),
    ],
)
def test_every_worker_gets_several_and_the_last_are_small(count: int, workers: int, width: int, many: int) -> None:
    found = lengths(count, workers, width)
    assert many * 0.8 <= len(found) <= many * 1.2
    if count > workers * BLOCK * 8:
        assert len(found) > 4 * workers
        assert max(found[-workers:]) == BLOCK  # no one waits long for the last


@settings(deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 8))
def test_files_that_were_left_come_first_and_no_sample_twice(data: st.DataObject, blocks: int, workers: int) -> None:
    rows = np.arange(blocks * BLOCK) * 3 + 7
    rests = []
    for _ in range(data.draw(st.integers(0, 3))):
        begin = data.draw(st.integers(0, blocks - 1))
        end = data.draw(st.integers(begin + 1, blocks))
        rests.append(rows[begin * BLOCK : end * BLOCK])
    rests += data.draw(st.sampled_from([[], [np.array([1, 2])], [rows[:BLOCK][::-1]]]))  # of others; in another order
    found = pieces(5, rows, rests, workers, 4)
    together = np.concatenate([piece.rows for piece in found])
    assert sorted(together.tolist()) == rows.tolist()
    assert {piece.work for piece in found} == {5}
    assert all((np.diff(piece.rows) > 0).all() for piece in found)
    whole = [rest for rest in rests if len(rest) <= MOST_SAMPLES and (np.diff(rest) > 0).all() and rest[0] >= 7]
    if whole:
        longest = max(whole, key=len)
        assert np.array_equal(found[0].rows, longest) or len(found[0].rows) == len(longest)


def test_two_cuts_of_which_one_was_a_block_ahead_are_one_piece() -> None:
    rows = np.arange(10 * BLOCK)
    behind, ahead = rows[4 * BLOCK : 8 * BLOCK], rows[5 * BLOCK : 8 * BLOCK]
    found = pieces(0, rows, [ahead, behind], 1, 4)
    assert np.array_equal(found[0].rows, behind)
    assert len(np.concatenate([piece.rows for piece in found])) == len(rows)


def test_a_large_rest_is_parted_and_not_one_workers_alone() -> None:
    rows = np.arange(100 * BLOCK)
    assert max(len(piece.rows) for piece in pieces(0, rows, [rows], 2, 4)) <= MOST_SAMPLES
    assert len(pieces(0, rows, [rows], 2, 4)) > 10
