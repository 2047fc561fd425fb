"""What goes to workers: packed so that what lies in a file stays there, and large arrays are shared and not copied.

Samples are read, decoded and prepared by the worker that extracts them. Decoded images that went through Ray's object
store would take more of a core for being packed, sent and unpacked than a JPEG takes to decode, and a hundred times its
bytes of the network.
"""

from __future__ import annotations

import io
import mmap
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import Array

ALL_SEE = "data must lie on a disk that all machines of the cluster see, under the same path"


@dataclass(frozen=True)
class Packed:
    """A value: its pickle, and the memory of its arrays, which the workers of a machine map and share."""

    pickled: bytes
    buffers: tuple[NDArray[np.uint8], ...]

    def unpacked(self) -> Any:
        """Return the value; its arrays are read-only.

        Raises:
            ZooError: a file that it is mapped from is not there, or another one.
        """
        return pickle.loads(self.pickled, buffers=self.buffers)


def packed(value: Any) -> Packed:
    """Pack a value, with the functions in it; an array that is mapped from a file goes as the place where it lies."""
    from ray import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # Ray is untyped here
        def reducer_override(self, given: Any) -> Any:
            if isinstance(given, np.memmap):
                place = _place(given)
                return (_mapped, place) if place else _plain(given)
            return super().reducer_override(given)

    buffers, into = list[pickle.PickleBuffer](), io.BytesIO()
    Pickler(into, protocol=5, buffer_callback=buffers.append).dump(value)
    return Packed(into.getvalue(), tuple(np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers))


def _plain(given: Array) -> Any:
    return np.ascontiguousarray(given.view(np.ndarray)).__reduce_ex__(5)


def _place(given: Any) -> tuple[str, int, str, int, tuple[int, ...], str] | None:
    """Say where an array lies in its file: its path, size, type, offset, shape and order; None where it has no name."""
    held = given._mmap
    order = "C" if given.flags.c_contiguous else "F" if given.flags.f_contiguous else ""
    if held is None or not isinstance(given.filename, str | Path) or not given.size or not order:
        return None
    path = Path(given.filename)
    try:
        size = path.stat().st_size
    except OSError:
        return None
    return str(path), size, given.dtype.str, offset_of(given), given.shape, order


def offset_of(given: Any) -> int:
    """Say where a mapped array begins in its file; a part's own `offset` is that of what it was taken from."""
    start = given.offset - given.offset % mmap.ALLOCATIONGRANULARITY  # where the file is mapped from
    return int(start + given.ctypes.data - np.frombuffer(given._mmap, np.uint8).ctypes.data)


def _mapped(path: str, size: int, dtype: str, offset: int, shape: tuple[int, ...], order: Any) -> Array:
    try:
        there = Path(path).stat().st_size
        found: Array = np.memmap(path, dtype, "r", offset, shape, order)
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read by a worker: {error}", ALL_SEE) from error
    if there != size:
        raise ZooError(f"{path} has {size:,} bytes here, and {there:,} where a worker reads it", ALL_SEE)
    return found
