"""Arrays in an HDF5 file: mapped from the file where they lie there in one piece, else read when they are wanted.

Which keys are understood: `keys`; groups may take the place of the underscore and of the dot: `train/images`.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from registry.errors import ZooError
from transfer.data.arrays import h5_checks
from transfer.data.arrays.chosen import chosen
from transfer.data.arrays.h5_rows import PackedRows
from transfer.data.arrays.samples import Rowed
from transfer.data.dataset import Array
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.files import hdf5
from transfer.files.mistaken import AGAIN
from transfer.files.shown import shown

HELD = 2**30  # bytes; a larger array is never held in memory
PATIENCE = 20  # seconds
READ = "import h5py, sys; h5py.File(sys.argv[1], 'r')[sys.argv[2]][()]"
ENDINGS = (".h5", ".hdf5", ".hdf", ".he5")


def claims(path: Path) -> bool:
    """Whether a file is called as HDF5 files are."""
    return path.suffix.lower() in ENDINGS


def read(path: Path, ref: str, reading: Reading) -> Found:
    """Read a data set.

    Args:
        path: the HDF5 file.
        ref: how the data are called in results; the path where empty.
        reading: what the user asks for.

    Raises:
        ZooError: the file is missing, broken, or points into others; its keys are not understood, or its arrays do
            not fit together.
    """
    if not path.is_file():
        raise ZooError(f"there are no data at {path}", "--data takes an .h5 file")
    with hdf5.opened(path, check=h5_checks.check) as file:
        specs = h5_checks.specs(file)
        load = partial(_samples, file, path)
        return chosen(path, ref, specs, reading, load, partial(_whole, file, path))


def _samples(file: h5py.File, path: Path, key: str) -> Rowed:
    item = file[key]
    _check_numbers(item, path, key)
    shape, dtype = tuple(int(size) for size in item.shape), item.dtype
    size = prod(shape) * dtype.itemsize
    offset = item.id.get_offset() if item.chunks is None else None
    if size and offset is not None and dtype.kind != "b":
        return np.memmap(path, dtype, "r", offset, shape)
    if size <= HELD or not shape:
        return np.asarray(item[()])
    return PackedRows(path, key, shape, dtype, max(1, item.chunks[0] if item.chunks else 1))


def _whole(file: h5py.File, path: Path, key: str) -> Array:
    """Read labels, or groups; these may be text."""
    item = file[key]
    if h5py.check_string_dtype(item.dtype) is not None and item.dtype.kind == "O":
        _check_ends(path, key)
        return np.asarray([_text(value, path, key) for value in item[()].reshape(-1)], np.str_).reshape(item.shape)
    if item.dtype.kind != "S":
        _check_numbers(item, path, key)
    return np.asarray(item[()])


def _check_ends(path: Path, key: str) -> None:
    """Let a process of its own read texts first: of a damaged heap of them, HDF5 reads on for ever, or crashes."""
    try:
        done = subprocess.run([sys.executable, "-P", "-c", READ, str(path), key], capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise ZooError(f"{path} is damaged: HDF5 does not come to an end with {shown(key)}", AGAIN) from error
    if done.returncode < 0:
        raise ZooError(f"{path} is damaged: HDF5 crashes on {shown(key)}", AGAIN)


def _text(value: Any, path: Path, key: str) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise ZooError(f"{path}: {key} holds {shown(value)}, which is no text in UTF-8") from error


def _check_numbers(item: h5py.Dataset, path: Path, key: str) -> None:
    if item.dtype.kind not in "fiub" or item.dtype.itemsize > 8:
        what = "objects" if item.dtype.hasobject else str(item.dtype)
        raise ZooError(f"{path}: {key} holds {what}: expected numbers", "write numbers, and labels as numbers or text")
