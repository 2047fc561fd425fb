"""Prepared inputs that are too large for memory: in a file without a name, which goes with the process."""

from __future__ import annotations

import math
import os
import tempfile
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


def is_spilled(array: Held) -> bool:
    """Tell whether an array lies in a file, or in several, and is too large for memory."""
    return isinstance(array, np.memmap | Pieced) and array.nbytes > IN_MEMORY


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
