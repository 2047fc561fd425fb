"""Read an HDF5 file that may be hostile: no links out of it, no array larger than what it stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.hdf5_walk import problem
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line

MOST_OBJECTS = 100_000
DENSEST = 100  # an array may take so many times the bytes that it is stored in: weights hardly compress
SLACK = 1 << 20
BROKEN = (
    OSError,
    KeyError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    MemoryError,
    OverflowError,
)


Check = Callable[[h5py.File, str], object]


@contextmanager
def opened(path: Path, name: str = "", check: Check | None = None) -> Iterator[h5py.File]:
    """Open a file, or give the reason why it cannot be read as one line.

    Args:
        path: a file, or an open binary file.
        name: what an error calls it; its path where empty.
        check: refuses what is not to be read, with the name; `checked` where None.

    Raises:
        ZooError: it is no HDF5 file, is damaged, or holds what `check` refuses.
    """
    name = name or str(path)
    if found := problem(path):
        raise ZooError(f"{name} is damaged: {found}", AGAIN)
    try:
        file = h5py.File(path, "r")
    except BROKEN as error:
        raise ZooError(f"{name} is no HDF5 file, or is damaged: {_reason(error)}", AGAIN) from error
    try:
        (check or checked)(file, name)
        yield file
    except ZooError:
        raise
    except BROKEN as error:
        raise ZooError(f"{name} is damaged: {first_line(error, 200)}", AGAIN) from error
    finally:
        file.close()


def checked(file: h5py.File, name: str) -> dict[str, tuple[int, ...]]:
    """Check every object of a file, and return the shapes of its arrays by path.

    Raises:
        ZooError: it holds an external or soft link, an array that is stored elsewhere, that holds other things than
            numbers, or that is larger than its bytes allow.
    """
    size = file.id.get_filesize()
    shapes: dict[str, tuple[int, ...]] = {}
    declared = 0
    for path, item in objects(file, name):
        if isinstance(item, h5py.Dataset):
            declared += _bounded(item, path, name)
            shapes[path] = tuple(item.shape)
    if declared > DENSEST * size + SLACK:
        raise ZooError(f"{name} declares {declared:,} bytes of arrays and has {size:,}: it is damaged")
    return shapes


def objects(file: h5py.File, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the object of each group and array; a link out of the file, or a circle, is refused."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", file)]
    while stack:
        path, group = stack.pop()
        for key in group:
            inner = f"{path}/{key}" if path else key
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = type(link).__name__.replace("Link", "").lower()
                raise ZooError(
                    f"{name} has a link of the kind {kind} at {inner[:200]}: only what lies in the file itself is read"
                )
            item = group[key]
            place = h5py.h5o.get_info(item.id).addr
            if place in seen or len(seen) > MOST_OBJECTS:
                raise ZooError(f"{name} is damaged: {inner[:200]} stands in it twice, or it has too many objects")
            seen.add(place)
            yield inner, item
            if isinstance(item, h5py.Group):
                stack.append((inner, item))


def _bounded(item: h5py.Dataset, path: str, name: str) -> int:
    if item.is_virtual or item.external:
        raise ZooError(f"{name}: the array {path[:200]} is stored in another file: only this file is read")
    if item.shape is None or item.dtype.kind not in "fiub" or item.dtype.itemsize > 8:
        raise ZooError(f"{name}: the array {path[:200]} holds {item.dtype}: expected numbers")
    declared = int(np.prod([int(size) for size in item.shape], dtype=object)) * item.dtype.itemsize
    stored = item.id.get_storage_size()
    packed = item.chunks is not None
    if declared > (DENSEST * stored + 1024 if packed else stored):
        raise ZooError(
            f"{name}: the array {path[:200]} declares {declared:,} bytes and stores {stored:,}: it is damaged"
        )
    return int(declared)


def array(item: Any, name: str) -> NDArray[Any]:
    """Read an array as float32; integers and 16-bit numbers are converted.

    Raises:
        ZooError: it is no array.
    """
    if not isinstance(item, h5py.Dataset):
        raise ZooError(f"{name} is a group: expected an array")
    if item.dtype == np.float32:
        return np.asarray(item[()])
    return np.asarray(item[()]).astype(np.float32)


def rows(item: Any, name: str) -> Any:
    """Return an array that is read when it is sliced; one that has to be converted as `array` does.

    Raises:
        ZooError: it is no array.
    """
    return item if isinstance(item, h5py.Dataset) and item.dtype == np.float32 else array(item, name)


def read(path: Path, place: str) -> NDArray[Any]:
    """Read one array of a file that was checked when it was opened first.

    Raises:
        ZooError: it cannot be read any more.
    """
    try:
        with h5py.File(path, "r") as file:
            return array(file[place], place)
    except BROKEN as error:
        raise ZooError(f"{path} is damaged at {place[:200]}: {first_line(error, 200)}", AGAIN) from error


def texts(attributes: Any, key: str) -> list[str] | None:
    """Read a list of names, also one that was cut into `key0`, `key1`, … for its length; None where it is missing."""
    if key in attributes:
        return [_text(name) for name in attributes[key]]
    found: list[str] = []
    number = 0
    while f"{key}{number}" in attributes:
        found += [_text(name) for name in attributes[f"{key}{number}"]]
        number += 1
    return found if number else None


def text(attributes: Any, key: str) -> str | None:
    """Read a text; None where it is missing."""
    return _text(attributes[key]) if key in attributes else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _reason(error: BaseException) -> str:
    """Put into words why HDF5 cannot open a file, where its own are about its internals."""
    line = first_line(error, 200)
    if "file signature not found" in line:
        return "it does not begin as HDF5 files do"
    cut = re.search(r"truncated file: eof = (\d+), .*stored_eof = (\d+)", line)
    return f"it is cut short: it has {cut[1]} of {cut[2]} bytes" if cut else line
