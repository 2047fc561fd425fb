"""Feature files: their layout, how they are read and listed. HDF5 only, no TensorFlow.

Layout, version 1. Attributes of the file: `format` ("zoo-features"), `version`, `key`, and each part of the key
under its own name. For each split a group (`train`, `valid`) with: one contiguous dataset `(n, ...)` for each tensor
of the cut, named by its position and with its name as attribute `scope`, of float32, or of whole numbers where the
tensor is an input that takes such; `labels (n,) int64`; `rows (n,) int64`, the positions in the split. A file is
complete or absent: it is written beside its place, then renamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.features import Features

FORMAT = "zoo-features"
VERSION = 1
SUFFIX = ".h5"


@dataclass(frozen=True)
class Entry:
    """One file: its key in hex, size, when it was written (Unix seconds), the key's parts, samples a split."""

    key: str
    bytes: int
    written: float
    parts: dict[str, str]
    samples: dict[str, int]


def read(path: Path) -> dict[str, Features]:
    """Open a feature file's splits; the arrays are memory-mapped and read-only.

    Raises:
        ZooError: it is no feature file, or cut short.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise ValueError("it is no feature file")
            if file.attrs.get("version") != VERSION or file.attrs.get("key") != path.stem:
                raise ValueError("its version or key is another")
            return {name: _read_split(group, path) for name, group in file.items()}
    except (OSError, KeyError, ValueError) as error:
        raise broken(path, error) from error


def entries(root: Path) -> list[Entry]:
    """Describe every feature file in a folder, the newest first.

    Raises:
        ZooError: one of them is broken.
    """
    return sorted((_entry(path) for path in root.glob(f"*{SUFFIX}")), key=lambda entry: -entry.written)


def broken(path: Path, why: Exception) -> ZooError:
    """Say that a feature file cannot be read."""
    return ZooError(f"the feature cache {path} is broken: {why}", f"remove it; it is made again: rm {path}")


def _read_split(group: h5py.Group, path: Path) -> Features:
    names = sorted((name for name in group if name.isdigit()), key=int)
    return Features(tuple(_mapped(group[name], path) for name in names), group["labels"][:])


def _mapped(dataset: h5py.Dataset, path: Path) -> Array:
    return np.memmap(path, dataset.dtype, "r", dataset.id.get_offset(), dataset.shape)


def _entry(path: Path) -> Entry:
    try:
        with h5py.File(path, "r") as file:
            parts = {name: str(value) for name, value in file.attrs.items()}
            samples = {name: len(group["labels"]) for name, group in file.items()}
    except (OSError, KeyError) as error:
        raise broken(path, error) from error
    stat = path.stat()
    return Entry(path.stem, stat.st_size, stat.st_mtime, parts, samples)
