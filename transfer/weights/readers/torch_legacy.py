"""PyTorch files before 1.6: five pickles one after another, then the storages.

Layout (torch/serialization.py, `_legacy_save`): a magic number, the version 1001, facts of the system, the pickled
object, the list of storage keys; then for each key the count of its numbers as int64 and the numbers, little-endian.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import FileSpan, Source, size_of
from transfer.weights.readers.pickle_arrays import Arrays
from transfer.weights.readers.pickle_tree import Persistent, Symbol
from transfer.weights.readers.torch_tensors import Tensors, admit, dtype_of, storage_of
from transfer.weights.readers.torch_zip import Opened
from transfer.weights.readers.unpickler import Unpickler

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
COUNT = 8  # bytes


def opened(path: Path) -> Opened:
    """Read the pickles of a file; the storages stay where they are.

    Raises:
        ZooError: the file is damaged or none of PyTorch's, or asks for code to be run.
    """
    size = size_of(path)
    with path.open("rb") as file:
        where = str(path)
        for what, expected in (("magic number", MAGIC), ("version", VERSION)):
            got = Unpickler(file, size, where, _none(path)).read()
            if got != expected:
                found = shown(got) if isinstance(got, int) else f"a {type(got).__name__.lower()}"
                raise ZooError(f"{path} is no PyTorch file: its {what} is {found}, expected {expected}")
        Unpickler(file, size, where, _none(path)).read()
        objects = Unpickler(file, size, where, lambda symbol: admit(symbol, where))
        tree = objects.read()
        keys = Unpickler(file, size, where, _none(path)).read()
        storages = _storages(file, size, keys, _items(objects.persistent, where), path)

    def storage(key: str) -> Source:
        if key not in storages:
            raise ZooError(f"{path} has no storage {shown(key)!r} that one of its tensors refers to; it is damaged")
        return storages[key]

    arrays = Arrays(FileSpan(path, 0, size), where)
    return Opened(tree, Tensors(storage, arrays, where, sys.byteorder != "little").tensor)


def _items(references: list[Persistent], where: str) -> dict[str, int]:
    """Return the bytes a number takes, by the storage's key."""
    found = {}
    for reference in references:
        kind, key, _ = storage_of(reference, where)
        try:
            found[key] = dtype_of(kind).itemsize
        except ValueError as error:
            raise ZooError(f"{where} holds a storage that cannot be read: {error}") from error
    return found


def _storages(file: BinaryIO, size: int, keys: Any, items: dict[str, int], path: Path) -> dict[str, FileSpan]:
    """Find where each storage lies; they follow each other from the file's position on."""
    found: dict[str, FileSpan] = {}
    if type(keys) is not list:
        raise ZooError(f"{path} has no list of storages; it is damaged")
    for key in keys:
        if type(key) is not str or key not in items:
            raise ZooError(f"{path} lists a storage that no tensor refers to; it is damaged")
        count = int.from_bytes(file.read(COUNT), "little")
        span = FileSpan(path, file.tell(), count * items[key])
        if span.offset + span.size > size:
            raise ZooError(
                f"{path} ends early: a storage of {span.size} bytes begins at {span.offset}, and the file has {size}"
            )
        found[key] = span
        file.seek(span.size, 1)
    return found


def _none(path: Path) -> Callable[[Symbol], None]:
    def refuse(symbol: Symbol) -> None:
        raise ZooError(f"{path} is no PyTorch file: it names {shown(symbol, 200)} where a number is expected")

    return refuse
