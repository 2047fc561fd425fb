"""Work behind the caller: in order, and nothing after what failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from transfer.behind import WAITING, behind
from transfer.cache_files import BLOCK
from transfer.cache_writing import Opened, Writing
from transfer.shards import opened

PARTS = {"trunk": "t", "cut": "hidden", "preparation": "as it is", "dtype": "float32"}


def failing(number: int, done: list[int]) -> Callable[[], None]:
    def work() -> None:
        if number == 1:
            time.sleep(0.1)  # those behind it are handed over meanwhile
            raise OSError(28, "No space left on device")
        done.append(number)

    return work


@pytest.mark.parametrize("pieces", [2, 2 + WAITING, 9])
def test_nothing_is_done_after_what_failed(pieces: int) -> None:
    done: list[int] = []
    with pytest.raises(OSError, match="No space left"), behind() as thread:
        for number in range(pieces):
            thread.do(failing(number, done))
    assert done == [0]


def test_features_behind_a_write_that_failed_are_not_taken_for_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (4 * BLOCK, 32), dtype=np.uint8)
    features = np.arange(4 * BLOCK, dtype=np.float32)[:, None]
    writing, write, large = Writing(tmp_path / ("a" * 64), PARTS, ["hidden"], samples), Opened.write, list[int]()

    def once_full(self: Opened, offset: int, data: np.ndarray) -> None:
        if data.nbytes == 4 * BLOCK and offset not in large:
            large.append(offset)
            if len(large) == 2:
                time.sleep(0.1)
                raise OSError(28, "No space left on device")
        write(self, offset, data)

    monkeypatch.setattr(Opened, "write", once_full)
    with pytest.raises(OSError, match="No space left"), behind() as thread:
        for start in range(0, len(samples), BLOCK):
            thread.do(partial(writing.append, [features[start : start + BLOCK]]))
    writing.close()
    left = opened(tmp_path / ("a" * 64))
    assert len(left.missing(samples)) == 3 * BLOCK
    assert np.array_equal(left.take(samples[:BLOCK])[0], features[:BLOCK])
