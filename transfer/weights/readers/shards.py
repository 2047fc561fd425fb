"""Weights in several files: the index that says which file holds which array.

Layout: `{"metadata": {"total_size": …}, "weight_map": {NAME: FILE}}`, beside the files that it names
(huggingface_hub, `serialization/_base.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.json_text import decoded
from transfer.files.shown import shown
from transfer.weights.foreign import Foreign
from transfer.weights.readers import hf_config

LARGEST = 64 * 2**20  # bytes of an index


class Index(msgspec.Struct):
    """What an index file holds."""

    weight_map: dict[str, str]


def whole(path: Path, names: Sequence[str], read: Callable[[Path], Foreign]) -> Foreign:
    """Return what a file holds, or the files of an index; of a folder the first of some names that is there.

    Raises:
        ZooError: the folder holds none of them, or what is there is damaged.
    """
    if path.is_dir():
        folder, found = path, (path / name for name in names if (path / name).is_file())
        path = next(found, folder)
        if path == folder:
            raise ZooError(f"the folder {folder} holds none of {', '.join(names)}", "name the file of weights in it")
    return hf_config.beside(path, joined(path, read) if path.name.endswith(".index.json") else read(path))


def joined(index: Path, read: Callable[[Path], Foreign]) -> Foreign:
    """Return what the files of an index hold together, in the order of its names.

    Args:
        index: the index file.
        read: reads one of the files that it names.

    Raises:
        ZooError: the index is damaged or names files outside its folder, or they do not hold what it says.
    """
    places = _places(index)
    files = {name: read(_beside(index, name)) for name in dict.fromkeys(places.values())}
    if not files:
        raise ZooError(f"{index} names no arrays; expected a weight_map")
    for name, file in places.items():
        if name not in files[file].shapes:
            raise ZooError(f"{index} says that {shown(name, 200)!r} is in {file}, which does not hold it")
    first = next(iter(files.values()))
    notes = dict.fromkeys(note for one in files.values() for note in one.notes)

    def load(name: str) -> NDArray[Any]:
        return files[places[name]].load(name)

    shapes = {name: files[file].shapes[name] for name, file in places.items()}
    return replace(first, shapes=shapes, load=load, notes=(f"in {len(files)} files", *notes))


def _places(index: Path) -> dict[str, str]:
    fault, expected = f"{index} is no index of weights", "{'weight_map': {NAME: FILE}}"
    found: Index = decoded(index, Index, LARGEST, fault, expected)
    return found.weight_map


def _beside(index: Path, name: str) -> Path:
    """Return a file's path, if it is a plain file in the index's folder."""
    path = index.parent / name
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name or name == index.name:
        raise ZooError(f"{index} names the file {shown(name, 200)!r}; expected files in its own folder")
    if not path.is_file():
        raise ZooError(
            f"{index} names the file {shown(name, 200)}, which is not there", "download all files of the model"
        )
    return path
