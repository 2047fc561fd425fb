"""PyTorch files since 1.6: a zip archive of `data.pkl` and one entry a storage; TorchScript archives look the same.

Layout: `NAME/data.pkl`, `NAME/data/KEY`, `NAME/byteorder` (torch/serialization.py, `_save`); a TorchScript archive
has `NAME/constants.pkl` and `NAME/code/` as well, and objects of classes `__torch__.…` whose attributes are the
weights (torch/csrc/jit/docs/serialization.md). Its code is not looked at.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import Source
from transfer.files.zip_entries import ZipEntry, entries
from transfer.weights.readers.pickle_arrays import Arrays
from transfer.weights.readers.pickle_tree import Symbol
from transfer.weights.readers.torch_tensors import Tensors, admit
from transfer.weights.readers.tree_names import JIT, Leaf
from transfer.weights.readers.unpickler import Unpickler

LARGEST_PICKLE = 128 * 2**20  # bytes; a state dict of a thousand tensors has 100 kB
ORDERS = {b"little": "little", b"big": "big"}
SCRIPT = "__torch__"


@dataclass(frozen=True)
class Opened:
    """A PyTorch file: what was pickled, what makes a tensor of it, and whether it is a TorchScript archive."""

    tree: Any
    leaf: Leaf
    scripted: bool = False


def opened(path: Path) -> Opened:
    """Read the pickle of a zip archive; the storages stay where they are.

    Raises:
        ZooError: the archive is damaged or none of PyTorch's, or asks for code to be run.
    """
    found = entries(path)
    folder = _folder(found, path)
    scripted = f"{folder}constants.pkl" in found

    def admitted(symbol: Symbol) -> None:
        if not (scripted and (symbol.module == JIT or symbol.module.split(".")[0] == SCRIPT)):
            admit(symbol, str(path))

    def storage(key: str) -> Source:
        if (entry := found.get(f"{folder}data/{key}")) is None:
            raise ZooError(f"{path} has no storage {shown(key)!r} that one of its tensors refers to; it is damaged")
        return entry

    pickled = found[f"{folder}data.pkl"]
    content = _content(pickled, path)
    tree = Unpickler(io.BytesIO(content), len(content), str(path), admitted).read()
    swapped = _order(found.get(f"{folder}byteorder"), path) != sys.byteorder
    return Opened(tree, Tensors(storage, Arrays(pickled, str(path)), str(path), swapped).tensor, scripted)


def _folder(found: dict[str, ZipEntry], path: Path) -> str:
    """Return the archive's one folder with its slash: what lies before `data.pkl`."""
    folders = sorted((name.removesuffix("data.pkl") for name in found if f"/{name}".endswith("/data.pkl")), key=len)
    if not folders:
        if any(name.endswith("model.json") for name in found):
            raise ZooError(f"{path} is a TorchScript archive of PyTorch before 1.4", "save it with a later PyTorch")
        some = ", ".join(list(found)[:3]) or "nothing"
        raise ZooError(
            f"{path} is a zip archive, but none of PyTorch's: expected data.pkl in it, got {shown(some, 200)}"
        )
    return folders[0]


def _content(entry: ZipEntry, path: Path) -> bytes:
    if entry.size > LARGEST_PICKLE:
        raise ZooError(f"{path}: its data.pkl has {entry.size} bytes; at most {LARGEST_PICKLE} are read")
    return entry.read(0, entry.size)


def _order(entry: ZipEntry | None, path: Path) -> str:
    content = b"little" if entry is None else entry.read(0, min(entry.size, 16))
    if content not in ORDERS:
        raise ZooError(f"{path}: its byte order is {content!r}; expected little or big")
    return ORDERS[content]
