"""Samples as rows of numbers, for a model that knows nothing of their shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.feeding import Feed, every

WIDEST = 20_000  # numbers a sample
MOST = 2**27  # numbers of a split: half a gigabyte
BLOCK = 512  # samples


@dataclass(frozen=True)
class Flattening:
    """How samples become rows.

    Attributes:
        pool: how many pixels a side of an image are averaged into one; 1 leaves images as they are.
        width: numbers a row.
    """

    pool: int
    width: int

    def rows(self, feed: Feed) -> NDArray[np.float32]:
        """Return all samples of a feed as `(n, width) float32`, read block by block.

        Raises:
            ZooError: a sample is broken.
        """
        found = np.empty((len(feed), self.width), np.float32)
        done = 0
        for rows, arrays in feed.blocks(every(feed), BLOCK):
            flat = [self._pooled(array).reshape(len(rows), -1) for array in arrays]
            found[done : done + len(rows)] = np.concatenate(flat, axis=1)
            done += len(rows)
        return found

    def _pooled(self, array: Array) -> Array:
        if self.pool == 1 or array.ndim != 4:
            return array
        n, height, width, colours = array.shape
        high, wide, side = height // self.pool, width // self.pool, self.pool
        cut = array[:, : high * side, : wide * side].reshape(n, high, side, wide, side, colours)
        small: Array = cut.mean(axis=(2, 4), dtype=np.float32)
        return small


def flattening(feed: Feed, most: int) -> Flattening:
    """Say how samples become rows that are not too wide: images `(h, w, c)` are averaged down.

    Args:
        feed: the samples.
        most: how many rows there are to be in the largest split.

    Raises:
        ZooError: they are too wide, and no images.
    """
    widest = min(WIDEST, MOST // max(most, 1))
    pool = 1
    while (width := sum(_width(shape, pool) for shape in feed.shapes)) > widest:
        smallest = min((min(shape[:2]) for shape in feed.shapes if len(shape) == 3), default=0)
        if pool >= smallest:
            raise ZooError(f"samples of {width:,} numbers are too wide for a linear model: at most {widest:,}")
        pool += 1
    return Flattening(pool, width)


def _width(shape: tuple[int, ...], pool: int) -> int:
    return (shape[0] // pool) * (shape[1] // pool) * shape[2] if len(shape) == 3 else math.prod(shape)
