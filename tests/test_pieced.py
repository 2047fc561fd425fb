from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import blobs
from hypothesis import given
from hypothesis import strategies as st
from test_streaming import mapped, trained
from test_streaming import small as small

import transfer.spilled
from registry.errors import ZooError
from transfer.cache_files import Shard
from transfer.features import Features
from transfer.fitting.streaming import Stream, read
from transfer.pieced import Pieced
from transfer.shards import Shards


def parted(x: np.ndarray, parts: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Deal rows to parts at random: the parts, and for each row which of them it is in, and where."""
    numbers = np.random.default_rng(seed).integers(parts, size=len(x)).astype(np.int32)
    rows = np.array([np.sum(numbers[:row] == number) for row, number in enumerate(numbers)], np.int64)
    return [x[numbers == number] for number in range(parts)], numbers, rows


@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 9))
def test_it_reads_like_the_array_that_it_is_of(n: int, parts: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(n, 2, 3)).astype(np.float32)
    pieced = Pieced(*parted(x, parts, seed))
    assert (len(pieced), pieced.shape, pieced.dtype, pieced.nbytes) == (n, x.shape, x.dtype, x.nbytes)
    rows = np.random.default_rng(seed).integers(n, size=2 * n)
    for chosen in (slice(n // 3, n), slice(0, 0), rows, rows[:0]):
        assert np.array_equal(pieced[chosen], x[chosen])
    assert np.array_equal(read(pieced, rows), x[rows])
    assert np.asarray(pieced, np.float64).tolist() == x.tolist()


def test_windows_of_several_files(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
    parts, numbers, places = parted(x, 4)
    files = [mapped(tmp_path / str(number), part) for number, part in enumerate(parts)]
    rows = np.random.default_rng(1).permutation(90).reshape(9, 10)
    stream = Stream([Pieced(files, numbers, places)])
    for here, following in ((rows[:3], rows[3:6]), (rows[3:6], rows[6:]), (rows[6:], rows[:0])):
        assert np.array_equal(stream.window(here, following)[0], x[here.reshape(-1)])


@pytest.mark.usefixtures("small")
def test_training_from_several_files_is_training_from_one(tmp_path: Path) -> None:
    x, y = blobs(700, seed=1)
    parts, numbers, places = parted(x, 5)
    files = [mapped(tmp_path / str(number), part) for number, part in enumerate(parts)]
    one, weights = trained(Features((mapped(tmp_path / "x", x),), y))
    several, again = trained(Features((Pieced(files, numbers, places),), y))
    assert one.epochs == several.epochs
    assert all(np.array_equal(a, b) for a, b in zip(weights, again, strict=True))


def test_large_features_of_several_files_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(0)
    x, samples = draws.normal(size=(40, 8)).astype(np.float32), draws.integers(256, size=(40, 32)).astype(np.uint8)
    shards = Shards([Shard(samples[:25], (mapped(tmp_path / "a", x[:25]),)), Shard(samples[25:], (x[25:],))])
    order = draws.permutation(40)
    (gathered,) = shards.take(samples[order])
    assert isinstance(gathered, np.ndarray), "what is small is put together in memory"
    monkeypatch.setattr(transfer.spilled, "IN_MEMORY", 40 * 32 - 1)
    (large,) = shards.take(samples[order])
    assert isinstance(large, Pieced)
    assert transfer.spilled.spilled_of([large]) == (True,)
    assert np.array_equal(large[:], gathered)
    assert np.array_equal(gathered, x[order])
    with pytest.raises(ZooError) as caught:
        Pieced([x[:25], x[25:, :5]], *parted(x, 2)[1:])
    assert caught.value.message == "the features of these samples are of several shapes: (5,) and (8,)"
    assert caught.value.hint == "give samples of one shape, such as sequences of one length"
    (here,) = shards.take(samples[5:20])
    assert isinstance(here, np.memmap), "what lies together in one file is mapped from there"


def test_sequences_of_another_length_below_the_same_key_are_left_out() -> None:
    draws = np.random.default_rng(0)
    samples = draws.integers(256, size=(9, 32)).astype(np.uint8)
    short, long = draws.normal(size=(4, 10, 2)).astype(np.float32), draws.normal(size=(5, 12, 2)).astype(np.float32)
    shards = Shards([Shard(samples[:4], (short,)), Shard(samples[4:6], (long[:2],)), Shard(samples[6:], (long[2:],))])
    order = np.array([4, 0, 3, 1])
    assert np.array_equal(shards.take(samples[4:][order])[0], long[order])
    assert np.array_equal(shards.take(samples[[2, 1]])[0], short[[2, 1]])
    with pytest.raises(ZooError, match=r"of several shapes: \(10, 2\) and \(12, 2\)"):
        shards.take(samples)
