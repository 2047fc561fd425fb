"""Prepared inputs that are too large for memory: in a file without a name, which goes with the process."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.feeding import Feed, every
from transfer.inputs import Arrays
from transfer.pieced import Held, Pieced

IN_MEMORY = 2 * 2**30  # bytes of a split; training has them twice while they are taken over
BLOCK = 512  # samples


def bytes_of(feed: Feed) -> int:
    """Return how many bytes all samples of a feed take, prepared."""
    widths = [math.prod(shape) * np.dtype(kind).itemsize for shape, kind in zip(feed.shapes, feed.dtypes, strict=True)]
    return len(feed) * sum(widths)


def too_large(arrays: Sequence[Held]) -> bool:
    """Tell whether a split's arrays, one an input or tensor of the cut, are too large for memory together."""
    return sum(array.nbytes for array in arrays) > IN_MEMORY


def spilled_of(arrays: Sequence[Held]) -> tuple[bool, ...]:
    """Tell of each of a split's arrays whether it lies in a file, or in several, and is left there."""
    large = too_large(arrays)
    return tuple(large and isinstance(array, np.memmap | Pieced) for array in arrays)


def spilled(feed: Feed) -> Arrays:
    """Write all samples of a feed to files, block by block, and map these: `(n, ...)` for each input.

    Raises:
        ZooError: a sample is broken, or there is no room on the disk.
    """
    arrays = [_mapped((len(feed), *shape), kind) for shape, kind in zip(feed.shapes, feed.dtypes, strict=True)]
    done = 0
    for rows, block in feed.blocks(every(feed), BLOCK):
        for array, part in zip(arrays, block, strict=True):
            array[done : done + len(rows)] = part
        done += len(rows)
    return tuple(arrays)


def _mapped(shape: tuple[int, ...], kind: str) -> np.memmap[Any, Any]:
    size = math.prod(shape) * np.dtype(kind).itemsize
    try:
        with tempfile.TemporaryFile(prefix="zoo-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and no crash while it is written
            return np.memmap(file, kind, "r+", shape=shape)
    except OSError as error:
        raise ZooError(
            f"the samples take {size:,} bytes, more than memory is used for, and there is no room for them in "
            f"{tempfile.gettempdir()}: {error.strerror}",
            "set TMPDIR to a larger disk, take smaller images (--image-size), or --no-compare-scratch --unfreeze none",
        ) from error
