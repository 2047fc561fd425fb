"""What samples are like, in a few words: sizes of images, ranges of numbers, columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from registry.errors import ZooError
from transfer.data.arrays.samples import ArraySamples
from transfer.data.dataset import Array
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.images.sound import image_sizes
from transfer.data.records import Samples
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.samples import TableSamples

MOST_SIZES = 3


def summary(samples: Samples, most: int) -> Mapping[str, str]:
    """Say what samples are like.

    Args:
        samples: of any kind.
        most: how many of them have their numbers looked at.

    Raises:
        ZooError: a sample cannot be read.
    """
    if isinstance(samples, TableSamples):
        return _table(samples)
    if isinstance(samples, ImageSamples | EncodedImages):
        return {"size": _sizes(samples)}
    return _arrays(samples, most) if isinstance(samples, ArraySamples) else {}


def _sizes(samples: ImageSamples | EncodedImages) -> str:
    counted = image_sizes(samples)
    named = ", ".join(f"{height}x{width} ({n:,})" for (height, width), n in counted.most_common(MOST_SIZES))
    if len(counted) <= MOST_SIZES:
        return named
    sides = np.array(list(counted))
    least, largest = ("x".join(map(str, side)) for side in (sides.min(axis=0), sides.max(axis=0)))
    return f"{len(counted):,} sizes from {least} to {largest}, most often {named}"


def _arrays(samples: ArraySamples, most: int) -> dict[str, str]:
    taken = samples.take(np.arange(min(most, len(samples))))
    named = taken if isinstance(taken, Mapping) else {"numbers": taken}
    return {name: f"{array.shape[1:]} {array.dtype}{_range(array)}" for name, array in named.items()}


def _range(array: Array) -> str:
    return f", {array.min():.6g} to {array.max():.6g}, mean {array.mean(dtype=np.float64):.6g}" if array.size else ""


def _table(samples: TableSamples) -> dict[str, str]:
    try:
        fitted = fit_columns(samples.table, samples.names, samples.index, str(samples.path))
    except ZooError as error:
        return {"columns": error.message}
    return {column.name: column.kind + _of(column.values, column.mean, column.missing) for column in fitted.columns}


def _of(values: tuple[str, ...], mean: float, missing: bool) -> str:
    named = f" of {len(values)}: {', '.join(values[:5])}{' …' if len(values) > 5 else ''}" if values else ""
    return f"{named or f', mean {mean:.6g}'}{', some missing' if missing else ''}"
