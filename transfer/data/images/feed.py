"""Images as a model takes them: decoded and prepared in threads, block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.images.colours import Pixels
from transfer.data.images.decode import decode
from transfer.data.images.parallel import CHUNK, workers
from transfer.data.images.samples import Images
from transfer.data.records import Digests, Rows
from transfer.inputs import Arrays

Preparer = Callable[[Pixels], Array]  # (h, w, c) uint8 -> one sample; or (n, h, w, c) uint8 -> (n, *sample)
UNDER_WAY = 2  # blocks that are read; a third is the caller's until it asks for the next one
TOGETHER_BYTES = 4 * 2**20  # of decoded images that are prepared at once


class ImageFeed:
    """A `transfer.feeding.Feed` of images for a model with one input.

    Args:
        samples: encoded images.
        prepare: turns one image `(h, w, c) uint8` into the model's input.
        prepare_batch: the same for equally large ones, `(n, h, w, c) uint8`.
        channels: of the decoded image: 1 or 3.
        shape: of one prepared sample.
        dtype: of its numbers.
    """

    def __init__(
        self,
        samples: Images,
        prepare: Preparer,
        prepare_batch: Preparer,
        *,
        channels: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
    ) -> None:
        self.samples, self.channels = samples, channels
        self.shapes, self.dtypes = (shape,), (dtype,)
        self._prepare, self._prepare_batch = prepare, prepare_batch

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def digests(self) -> Digests:
        """The sha256 of each image's bytes, `(n, 32) uint8`."""
        return self.samples.digests

    def read(self, rows: Rows) -> Arrays:
        """Return some samples, `(n, *shape)`; see `Feed.read`.

        Raises:
            ZooError: an image is broken, or has another size than the model takes; it is named.
        """
        with workers() as pool:
            return (self._start(rows, pool).finished(),)

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield samples `size` by `size`; while the caller works on a block, the next one is read.

        Raises:
            ZooError: as `read`.
        """
        parts = iter([rows[start : start + size] for start in range(0, len(rows), size)])
        started: deque[_Block] = deque()
        with workers() as pool:
            for part in parts:
                started.append(self._start(part, pool))
                if len(started) == UNDER_WAY:
                    yield _taken(started)
            while started:
                yield _taken(started)

    def _start(self, rows: Rows, pool: ThreadPoolExecutor) -> _Block:
        into = np.empty((len(rows), *self.shapes[0]), self.dtypes[0])
        starts = range(0, len(rows), CHUNK)
        work = [pool.submit(self._fill, rows[at : at + CHUNK], into[at : at + CHUNK]) for at in starts]
        return _Block(rows, into, work)

    def _fill(self, rows: Rows, into: Array) -> None:
        """Decode and prepare some samples, equally large ones that follow each other at once."""
        waiting: list[Pixels] = []
        for at, row in enumerate(rows):
            image = self._decoded(int(row))
            if waiting and (waiting[0].shape != image.shape or (len(waiting) + 1) * image.nbytes > TOGETHER_BYTES):
                self._put(waiting, rows[at - len(waiting) : at], into[at - len(waiting) : at])
                waiting = []
            waiting.append(image)
        self._put(waiting, rows[len(rows) - len(waiting) :], into[len(rows) - len(waiting) :])

    def _decoded(self, row: int) -> Pixels:
        with self.samples.open(row) as file:
            return decode(file, self.channels, self.samples.where(row))

    def _put(self, images: list[Pixels], rows: Rows, into: Array) -> None:
        alone = len(images) == 1
        prepared = self._prepare(images[0])[np.newaxis] if alone else self._prepare_batch(np.stack(images))
        if prepared.shape != into.shape:
            raise ZooError(
                f"{self.samples.where(int(rows[0]))} is {_sizes(images[0].shape)} and becomes "
                f"{_sizes(prepared.shape[1:])}; the model takes {_sizes(self.shapes[0])}"
            )
        into[...] = prepared


@dataclass(frozen=True)
class _Block:
    """Samples that are being read: their rows, the array that they go to, and the work that fills it."""

    rows: Rows
    into: Array
    work: list[Future[None]]

    def finished(self) -> Array:
        for part in self.work:
            part.result()
        return self.into


def _taken(started: deque[_Block]) -> tuple[Rows, Arrays]:
    block = started.popleft()
    return block.rows, (block.finished(),)


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
