"""Encoded images as samples: files, or bytes that a table or a stream holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeVar

import numpy as np

from registry.errors import ZooError
from transfer.data.images.decode import SKIP
from transfer.data.images.digests import digests_of, file_digests
from transfer.data.records import Digests, Rows, Samples


class Images(Samples, Protocol):
    """Samples that are encoded images."""

    def open(self, row: int) -> BinaryIO:
        """Open an image at its beginning.

        Raises:
            ZooError: it is not there, or may not be read.
        """
        ...

    def rows(self, chosen: Rows) -> Self:
        """Return some of them, in the order of `chosen`."""
        ...


class ImageSamples:
    """Image files.

    Args:
        root: the folder that they lie in.
        names: their paths in it, with `/`.
        places: what each is called in an error; its path where None.
        memory: the folder where their digests are remembered; None remembers nothing.
        paranoid: read every file for its digest, though it is remembered.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        *,
        places: Sequence[str] | None = None,
        memory: Path | None = None,
        paranoid: bool = False,
    ) -> None:
        self.root, self.names, self.memory, self.paranoid = root, tuple(names), memory, paranoid
        self._places = None if places is None else tuple(places)

    def __len__(self) -> int:
        return len(self.names)

    def path(self, row: int) -> Path:
        """Return where a file is."""
        return self.root / self.names[row]

    def where(self, row: int) -> str:
        """Return a file's path, or what else it is called."""
        place = str(self.path(row)) if self._places is None else self._places[row]
        return place.encode(errors="backslashreplace").decode()

    def open(self, row: int) -> BinaryIO:
        """Open a file; see `Images`."""
        path = self.path(row)
        try:
            if path.is_file():
                return path.open("rb")
            exists = path.exists()  # a pipe, which would be waited for
        except (OSError, ValueError) as error:
            raise ZooError(f"{self.where(row)} cannot be read: {getattr(error, 'strerror', error)}", SKIP) from error
        raise ZooError(f"{self.where(row)}: {'this is no file' if exists else 'there is no such file'}", SKIP)

    def rows(self, chosen: Rows) -> ImageSamples:
        """Return some of them; digests that are known already go with them."""
        some = ImageSamples(
            self.root,
            [self.names[row] for row in chosen],
            places=None if self._places is None else [self._places[row] for row in chosen],
            memory=self.memory,
            paranoid=self.paranoid,
        )
        return _with_digests(self, some, chosen)

    @cached_property
    def digests(self) -> Digests:
        """The sha256 of each file, `(n, 32) uint8`.

        Raises:
            ZooError: one cannot be read.
        """
        paths = [self.path(row) for row in range(len(self))]
        return file_digests(paths, self.open, self.memory, self.paranoid)


class EncodedImages:
    """Images in memory, or wherever a sequence fetches them from.

    Args:
        images: their bytes; one is asked for when it is needed, from several threads at once.
        called: what each is called in an error, by its position in `images`: `table.parquet, row 17`.
        numbers: which of `images` these are, `(n,)`; all where None.
    """

    def __init__(self, images: Sequence[bytes], called: Callable[[int], str], numbers: Rows | None = None) -> None:
        self.images, self.called = images, called
        self.numbers = np.arange(len(images)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, row: int) -> str:
        """Return what an image is called."""
        return self.called(int(self.numbers[row]))

    def open(self, row: int) -> BinaryIO:
        """Open an image; see `Images`."""
        return BytesIO(self.images[int(self.numbers[row])])

    def rows(self, chosen: Rows) -> EncodedImages:
        """Return some of them; digests that are known already go with them."""
        return _with_digests(self, EncodedImages(self.images, self.called, self.numbers[chosen]), chosen)

    @cached_property
    def digests(self) -> Digests:
        """The sha256 of each image's bytes, `(n, 32) uint8`."""
        return digests_of(self.open, len(self))


S = TypeVar("S", ImageSamples, EncodedImages)


def _with_digests(whole: S, some: S, chosen: Rows) -> S:
    if "digests" in whole.__dict__:
        some.__dict__["digests"] = whole.digests[chosen]
    return some
