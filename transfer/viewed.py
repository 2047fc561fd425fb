"""Training images with their recorded views side by side: what the feature cache holds of augmented data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from transfer.augmenter import Augmenter
from transfer.cache_files import keys
from transfer.data.records import Digests, Rows
from transfer.features import Inputs
from transfer.feeding import Feed
from transfer.inputs import Arrays

VERSION = 1  # counted up when the same change draws other images


class Viewed:
    """A feed of one input in which each sample has several rows: itself, then versions changed at random.

    A version depends on the sample's content, the view's number, the seed and what changes alone, so it is the same
    wherever the sample stands; its digest covers these.
    """

    def __init__(self, feed: Feed, augmenter: Augmenter, views: int) -> None:
        self._feed, self._augmenter, self._views = feed, augmenter, views

    def __len__(self) -> int:
        return len(self._feed) * self._views

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """One sample's shape at each input."""
        return self._feed.shapes

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtype of each input's numbers."""
        return self._feed.dtypes

    @cached_property
    def digests(self) -> Digests:
        """The sha256 of each view, `(n * views, 32) uint8`."""
        how = f"{VERSION} {self._augmenter.augment} seed {self._augmenter.seed}"
        found = [self._digest(sample, view, how) for sample in keys(self._feed.digests) for view in range(self._views)]
        return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 32)

    def read(self, rows: Rows) -> Arrays:
        """Return some views; a sample is read once for all of its views among them."""
        samples, place = np.unique(rows // self._views, return_inverse=True)
        return self._changed(rows, self._feed.read(samples)[0][place])

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield views `size` by `size`."""
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            yield chosen, self.read(chosen)

    def _changed(self, rows: Rows, x: np.ndarray) -> Arrays:
        result = np.array(x, np.float32)
        contents = np.ascontiguousarray(self._feed.digests[rows // self._views, :7])
        numbers = np.array([int.from_bytes(content.tobytes()) for content in contents], np.int64)
        for view in np.unique(rows % self._views):
            here = rows % self._views == view
            result[here] = self._augmenter.view(x[here], int(view), numbers[here])
        return (result,)

    @staticmethod
    def _digest(sample: bytes, view: int, how: str) -> bytes:
        return sample if view == 0 else hashlib.sha256(sample + f"{how} view {view}".encode()).digest()


def viewed(inputs: Inputs, augmenter: Augmenter, views: int) -> Inputs:
    """Return a split with so many views of each sample, side by side."""
    return Inputs(Viewed(inputs.feed, augmenter, views), np.repeat(inputs.labels, views, axis=0))
