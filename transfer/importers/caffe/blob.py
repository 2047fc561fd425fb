"""One array of a caffemodel: its shape, where its numbers lie, and the reading of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.wire import Field, Walk
from transfer.importers.caffe.schema import BlobProto

DATA, DOUBLE_DATA, RAW_DATA = 5, 8, 12
BULK = (DATA, 6, DOUBLE_DATA, 9, RAW_DATA)  # 6 and 9 are gradients, which nobody needs
RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}  # Type in the schema
SAME_NET = "check that the prototxt and the caffemodel are of the same net"
MOST_AXES = 32  # Caffe's kMaxBlobAxes


@dataclass(frozen=True)
class Blob:
    """An array of the file.

    Attributes:
        name: its layer and place, `conv1/0`.
        shape: as the file states it.
        legacy: whether the file states it as (num, channels, height, width), with ones in front of what there is.
        dtype: of its numbers in the file.
        pieces: where they lie, from and to.
        data: the file's bytes.
        path: the file, which is read for each array, as pages of a mapped file would count as memory.
    """

    name: str
    shape: tuple[int, ...]
    legacy: bool
    dtype: str
    pieces: tuple[tuple[int, int], ...]
    data: Any
    path: Path | None = None

    def array(self) -> NDArray[np.float32]:
        """Read the numbers as float32."""
        views = [self._piece(start, stop) for start, stop in self.pieces]
        flat = views[0] if len(views) == 1 else np.concatenate(views)
        return flat.astype(np.float32, copy=False).reshape(self.shape)

    def _piece(self, start: int, stop: int) -> NDArray[Any]:
        if self.path is None:
            return np.frombuffer(self.data[start:stop], self.dtype)
        count = (stop - start) // np.dtype(self.dtype).itemsize
        return np.fromfile(self.path, self.dtype, count, offset=start)

    def fitted(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Read the numbers in an expected shape; Caffe's `Blob::ShapeEquals` says what fits.

        Raises:
            ZooError: the file's shape is another.
        """
        padded = (1,) * (4 - len(shape)) + shape
        if self.shape != shape and not (self.legacy and self.shape == padded):
            raise ZooError(f"the blob {self.name} is {list(self.shape)}; the net expects {list(shape)}", SAME_NET)
        return self.array().reshape(shape)


def blob_of(walk: Walk, field: Field, name: str, path: Path | None = None) -> Blob:
    """Describe the `BlobProto` that a field holds.

    Raises:
        ZooError: it holds integers, or another number of numbers than its shape says.
        DamagedError: it is no message.
    """
    rest = bytearray()
    runs: dict[int, list[tuple[int, int]]] = {number: [] for number in BULK}
    for part in walk.fields(field.start, field.stop):
        if part.number in BULK:
            runs[part.number].append((part.start, part.stop))
        else:
            rest += walk.data[part.begin : part.stop]
    stated = BlobProto.FromString(bytes(rest))
    shape, legacy = _shape(stated, name)
    dtype, pieces = _numbers(stated, runs, name)
    held = sum(stop - start for start, stop in pieces) / np.dtype(dtype).itemsize
    if held != math.prod(shape):
        raise ZooError(f"the blob {name} holds {held:.8g} numbers; its shape {list(shape)} needs {math.prod(shape)}")
    return Blob(name, shape, legacy, dtype, tuple(pieces), walk.data, path)


def _shape(stated: Any, name: str) -> tuple[tuple[int, ...], bool]:
    legacy = any(stated.HasField(field) for field in ("num", "channels", "height", "width"))
    sizes = (stated.num, stated.channels, stated.height, stated.width) if legacy else tuple(stated.shape.dim)
    if len(sizes) > MOST_AXES or any(size < 0 for size in sizes):
        raise ZooError(f"the blob {name} has the impossible shape {list(sizes)[:MOST_AXES]}")
    return sizes, legacy


def _numbers(stated: Any, runs: dict[int, list[tuple[int, int]]], name: str) -> tuple[str, list[tuple[int, int]]]:
    if runs[RAW_DATA]:
        dtype = RAW_TYPES.get(stated.raw_data_type)
        if dtype is None:
            raise ZooError(f"the blob {name} holds quantised integers; expected floating-point numbers")
        return dtype, runs[RAW_DATA][-1:]
    return ("<f8", runs[DOUBLE_DATA]) if runs[DOUBLE_DATA] else ("<f4", runs[DATA])
