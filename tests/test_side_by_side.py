"""Work on several things at the same time: results in order, never more at once, and an end after an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from transfer.side_by_side import side_by_side


class Watched:
    """Work that takes longer for early items, and counts how much of it runs at once."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.done = threading.Lock(), 0, 0, list[int]()

    def __call__(self, item: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02 if item % 2 else 0.001)
        with self.lock:
            self.now -= 1
            self.done.append(item)
        if item == 5:
            raise ValueError("five")
        return -item


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_come_in_order_and_so_many_at_once(threads: int) -> None:
    work = Watched()
    assert list(side_by_side(work, (item for item in range(20) if item != 5), threads)) == [
        -item for item in range(20) if item != 5
    ]
    assert work.most <= threads
    assert threads == 1 or work.most > 1


def test_few_items_are_drawn_ahead() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            drawn.append(item)
            yield item

    found = side_by_side(abs, items(), 3)
    assert next(found) == 0
    assert drawn == [0, 1, 2, 3]
    found.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_in_its_place_and_ends_the_work(threads: int) -> None:
    work, got = Watched(), list[int]()
    with pytest.raises(ValueError, match="five"):
        for result in side_by_side(work, range(100), threads):
            got.append(result)
    assert got == [0, -1, -2, -3, -4]
    assert max(work.done) <= 5 + threads


def test_the_items_own_error_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("a broken sample")

    with pytest.raises(OSError, match="a broken sample"):
        list(side_by_side(abs, items(), 2))
