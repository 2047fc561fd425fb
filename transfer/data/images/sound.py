"""Which images can be read, and how large they are: by their headers, or by decoding them; in threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from registry.errors import ZooError
from transfer.data.images.colours import Pixels
from transfer.data.images.decode import decode, size_of
from transfer.data.images.memory import FileMemory, stamps_of
from transfer.data.images.parallel import in_threads
from transfer.data.images.samples import EncodedImages, Images, ImageSamples
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Rows

Size = tuple[int, int]  # height, width
SIZE_BYTES = 8  # two whole numbers of 32 bits, little-endian


@dataclass(frozen=True)
class Sound:
    """The images that can be read, by row, and the others."""

    rows: Rows
    broken: tuple[Broken, ...]


def image_sizes(images: Images) -> Counter[Size]:
    """Count how many images there are of each size, `(height, width)`, from their headers.

    Raises:
        ZooError: one is no image.
    """
    found = _looked_at(images, whole=False, memory=_memory(images), fresh=False)
    return Counter(_checked(size) for size in found)


def sound(images: Images, reading: Reading) -> Sound:
    """Find the images that cannot be read.

    Without `skip_broken` headers are looked at, and the first image that has none is an error: what is broken behind
    its header is found when it is decoded, and an error then. With it every image is decoded, and what is broken is
    listed.

    Raises:
        ZooError: an image is broken, and `reading.skip_broken` is not said.
    """
    found = _looked_at(images, reading.skip_broken, _memory(images), reading.paranoid)
    failed = [(row, error) for row, error in enumerate(found) if isinstance(error, ZooError)]
    if failed and not reading.skip_broken:
        raise _with_others(failed[0][1], len(failed) - 1)
    rows = np.setdiff1d(np.arange(len(images)), [row for row, _ in failed])
    return Sound(rows, tuple(Broken(images.where(row), _why(error, images.where(row))) for row, error in failed))


def without_broken(found: Found, reading: Reading) -> Found:
    """Leave out encoded images that cannot be read, where that is asked for; a folder's reader has done it."""
    if not reading.skip_broken:
        return found
    parts, broken = dict(found.parts), list(found.broken)
    for name, part in found.parts.items():
        if isinstance(part.samples, EncodedImages):
            kept = sound(part.samples, reading)
            parts[name] = part.rows(kept.rows)
            broken += kept.broken
    return replace(found, parts=parts, broken=tuple(broken))


def _with_others(error: ZooError, others: int) -> ZooError:
    if not others:
        return error
    return ZooError(f"{error.message}; {others} more cannot be read", error.hint)


def _why(error: ZooError, where: str) -> str:
    return error.message.removeprefix(where).lstrip(": ")


def _checked(size: Size | ZooError) -> Size:
    if isinstance(size, ZooError):
        raise size
    return size


def _memory(images: Images) -> Path | None:
    return images.memory if isinstance(images, ImageSamples) else None


def _looked_at(images: Images, whole: bool, memory: Path | None, fresh: bool) -> Sequence[Size | ZooError]:
    """Return each image's size, or why it cannot be read; `fresh` takes nothing from memory."""
    if memory is None or not isinstance(images, ImageSamples):
        return list(in_threads(lambda row: _look(images, row, whole), len(images)))
    headers, decoded = (FileMemory(memory, name, SIZE_BYTES) for name in ("image-sizes", "images-decoded"))
    stamps = stamps_of([images.path(row) for row in range(len(images))])
    known, values = (decoded if whole else headers).lookup(stamps)
    sizes = values.view("<u4")
    found: list[Size | ZooError] = [(int(height), int(width)) for height, width in sizes]
    unknown = [int(row) for row in (np.arange(len(images)) if fresh else np.flatnonzero(~known))]
    looks = in_threads(lambda at: _look(images, unknown[at], whole), len(unknown))
    for row, look in zip(unknown, looks, strict=True):
        found[row] = look
        sizes[row] = (0, 0) if isinstance(look, ZooError) else look
    read = [row for row in unknown if sizes[row].any()]
    for remembered in (headers, decoded) if whole else (headers,):
        remembered.keep(stamps[read], values[read])
    return found


def _look(images: Images, row: int, whole: bool) -> Size | ZooError:
    where = images.where(row)
    try:
        with images.open(row) as file:
            return _shape(decode(file, 3, where)) if whole else size_of(file, where)
    except ZooError as error:
        return error


def _shape(image: Pixels) -> Size:
    return image.shape[0], image.shape[1]
