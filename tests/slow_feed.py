"""A feed that takes its time, and writes down what it read: for tests in which processes are killed meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.features import Inputs
from transfer.inputs import ModelInput

SIZE = 64  # samples that are written down at once


class SlowFeed:
    """Rows of numbers, `(n, 8) float32`.

    Args:
        count: how many.
        log: a file that gets a line `PROCESS FIRST COUNT` for each block that was read; none where None.
        seconds: that each block takes.
        broken: a row that cannot be read.
    """

    def __init__(self, count: int, log: Path | None = None, seconds: float = 0.0, broken: int = -1) -> None:
        x = np.random.default_rng(7).standard_normal((count, 8), np.float32)
        if broken >= 0:
            x[broken] = np.nan
        self._feed = ArrayFeed(ArraySamples.of(x, "points.npz: x_train"), (ModelInput("X", (8,)),), None)
        self._log, self._seconds = log, seconds
        self.shapes, self.dtypes, self.digests = self._feed.shapes, self._feed.dtypes, self._feed.digests

    def __len__(self) -> int:
        return len(self._feed)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._feed.read(rows)

    def blocks(self, rows: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...]]]:
        for chosen, arrays in self._feed.blocks(rows, size):
            time.sleep(self._seconds)
            if self._log is not None:
                with self._log.open("a") as log:
                    log.write(f"{os.getpid()} {chosen[0]} {len(chosen)}\n")
            yield chosen, arrays

    @property
    def split(self) -> Inputs:
        return Inputs(self, np.zeros(len(self), np.int64))


def read_so_far(log: Path) -> list[tuple[int, int, int]]:
    """Return the lines of a log: process, first row, rows."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(one), int(first), int(count)) for one, first, count in map(str.split, lines)]
