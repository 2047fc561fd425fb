"""What an HDF5 file of data may hold: everything that lies in the file itself, and no more than it stores."""

from __future__ import annotations

from math import prod

import h5py

from registry.errors import ZooError
from transfer.data.arrays.keys import Spec
from transfer.files.hdf5 import objects
from transfer.files.shown import shown

DENSEST = 1032  # deflate, the densest of HDF5's filters, packs at most so many bytes into one
SLACK = 2**16


def check(file: h5py.File, name: str) -> None:
    """Refuse a file that points elsewhere, or declares more than it stores.

    Raises:
        ZooError: it holds an external or soft link, an array that is stored in another file, or that is larger than
            its bytes allow.
    """
    for path, item in objects(file, name):
        if isinstance(item, h5py.Dataset):
            _check(item, f"{name}: the array {shown(path, 200)}")


def specs(file: h5py.File) -> dict[str, Spec]:
    """Return the shapes and dtypes of a checked file's arrays, by path; text is of Python's objects."""
    found = {}
    for path, item in objects(file, ""):
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            found[path] = Spec(tuple(int(size) for size in item.shape), item.dtype)
    return found


def _check(item: h5py.Dataset, where: str) -> None:
    if item.is_virtual or item.external:
        raise ZooError(f"{where} is stored in another file: only this file is read", "write the arrays into one file")
    if item.shape is None:
        return
    declared = prod(int(size) for size in item.shape) * item.dtype.itemsize
    stored = item.id.get_storage_size()
    if declared > (DENSEST * stored + SLACK if item.chunks is not None else stored):
        raise ZooError(f"{where} declares {declared:,} bytes and stores {stored:,}: it is damaged")
