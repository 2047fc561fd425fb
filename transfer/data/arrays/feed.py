"""Arrays of samples as a model takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.arrays.ahead import ahead
from transfer.data.arrays.pictures import coloured, image_shape, is_image
from transfer.data.arrays.samples import ArraySamples
from transfer.data.dataset import Array, Samples
from transfer.data.records import Digests, Rows
from transfer.inputs import Arrays, ModelInput, feed

Resize = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
ROW = re.compile(r" in row (\d+)\b")
ROW_OF_ONE = re.compile(r" in (?:1 of 1 rows, the first in )?row 0\b")


@dataclass(frozen=True)
class ArrayFeed:
    """Implements `transfer.feeding.Feed` for arrays, whose numbers are prepared by the card.

    Attributes:
        samples: the arrays.
        inputs: what the model takes.
        how: the card's preprocessing; None where it is not known.
        resize: turns images `(n, h, w, c) uint8` of another size than the model's, but with as many colours, into the
            model's input, prepared; None refuses such.
    """

    samples: ArraySamples
    inputs: tuple[ModelInput, ...]
    how: Preprocessing | None
    resize: Resize | None = None

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """One sample's shape at each input; a size that the model leaves open is that of the samples."""
        return tuple(self._shape(one) for one in self.inputs)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Of each input's numbers: its own where it takes whole ones, else float32."""
        return tuple(one.dtype if one.whole else "float32" for one in self.inputs)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def digests(self) -> Digests:
        """The sha256 of each sample's content, `(n, 32) uint8`."""
        return self.samples.digests

    def read(self, rows: Rows) -> Arrays:
        """Return some samples, prepared.

        Raises:
            ZooError: as `transfer.inputs.feed`; a single sample that is at fault is named.
        """
        try:
            return self._fed(self.samples.take(rows), self.samples.called)
        except ZooError as error:
            raise self._blamed(rows, error) from error

    def blocks(self, rows: Rows, size: int) -> Iterator[tuple[Rows, Arrays]]:
        """Yield samples `size` by `size`, in the order of `rows`; the next ones are prepared meanwhile.

        Raises:
            ZooError: as `read`.
        """
        return ahead(self.read, (rows[start : start + size] for start in range(0, len(rows), size)))

    def _fed(self, samples: Samples, where: str) -> Arrays:
        if len(self.inputs) != 1 or isinstance(samples, Mapping):
            return feed(samples, self.inputs, self.how, where)
        fitted, ready = self._fitted(samples)
        return (ready,) if ready is not None else feed(fitted, self.inputs, self.how, where)

    def _fitted(self, array: Array) -> tuple[Array, NDArray[np.float32] | None]:
        """Return images in the model's colours and, where they are of another size, resized and prepared."""
        wanted = image_shape(self.inputs[0].shape, self.how)
        if wanted is None or not is_image(array) or self.inputs[0].whole:
            return array, None
        images = coloured(array, wanted[2])
        fits = all(want in (None, got) for want, got in zip(wanted[:2], images.shape[1:3], strict=True))
        if fits or self.resize is None:
            return (array if images.shape[1:3] == array.shape[1:3] and images.size == array.size else images), None
        ready = np.ascontiguousarray(self.resize(images), np.float32)
        return images, ready.reshape(len(images), *self.shapes[0])

    def _shape(self, one: ModelInput) -> tuple[int, ...]:
        named = self.samples.arrays.get("" if self.samples.single else one.name)
        got = one.shape if named is None else named.shape[1:]
        wanted = image_shape(one.shape, self.how)
        if len(one.shape) == 3 and wanted is not None and len(got) in (2, 3):
            got = (*got[:2], wanted[2])
        open_sizes = got if len(got) == len(one.shape) else (1,) * len(one.shape)
        return tuple(size or known or 1 for size, known in zip(one.shape, open_sizes, strict=True))

    def _blamed(self, rows: Rows, error: ZooError) -> ZooError:
        """Name the sample that is at fault, where the error is about one of a block."""
        said = ROW.findall(error.message)
        if not said or int(said[-1]) >= len(rows):
            return error
        row = int(rows[int(said[-1])])
        try:
            self._fed(self.samples.take(np.array([row])), self.samples.where(row))
        except ZooError as fault:
            return ZooError(ROW_OF_ONE.sub("", fault.message), fault.hint)
        return error
