"""Arrays in an `.npz` file: read without pickle, large ones mapped from the file where they are not packed.

Layout: a zip archive of `.npy` files, NumPy's `numpy/lib/format.py`. Which keys are understood: `keys`.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import tokenize
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format

from registry.errors import ZooError
from transfer.data.arrays.chosen import chosen
from transfer.data.arrays.keys import EXPECTED, Spec
from transfer.data.dataset import Array
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line, shown
from transfer.files.zip_entries import BROKEN, CHUNK, ZipEntry, entries

MAGIC = format.MAGIC_PREFIX
LONGEST_HEADER = 16384  # bytes; NumPy itself refuses more than 10000
HEADERS: dict[tuple[int, int], Any] = {(1, 0): format.read_array_header_1_0, (2, 0): format.read_array_header_2_0}
MAPPED = 64 * 2**20  # bytes; larger arrays are not held in memory
HINT = "write it with numpy.savez"
# Of reading headers, the last one of NumPy's second try, for headers of Python 2.
_DAMAGE = (*BROKEN, OSError, TypeError, LookupError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError)


@dataclass(frozen=True)
class Member:
    """An array of the file: its entry in the archive, and what its header says."""

    entry: ZipEntry
    spec: Spec
    fortran: bool
    start: int

    @property
    def bytes(self) -> int:
        """How many bytes its numbers take."""
        return prod(self.spec.shape) * self.spec.dtype.itemsize


def claims(path: Path) -> bool:
    """Whether a file is called as NumPy's files are."""
    return path.suffix.lower() in (".npz", ".npy")


def read(path: Path, ref: str, reading: Reading) -> Found:
    """Read a data set.

    Args:
        path: the `.npz` file.
        ref: how the data are called in results; the path where empty.
        reading: what the user asks for.

    Raises:
        ZooError: the file is missing or broken, its keys are not understood, or its arrays do not fit together.
    """
    members = _members(path)
    specs = {key: member.spec for key, member in members.items()}

    def load(key: str) -> Array:
        return _array(members[key], path, key)

    return chosen(path, ref, specs, reading, load, load)


def specs(path: Path) -> dict[str, Spec]:
    """Return what an `.npz` file's arrays are, by their keys.

    Raises:
        ZooError: the file is missing or broken.
    """
    return {key: member.spec for key, member in _members(path).items()}


def _members(path: Path) -> dict[str, Member]:
    if not path.is_file():
        raise ZooError(f"there are no data at {path}", "--data takes an .npz file")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            raise ZooError(f"{path} holds a single array; {EXPECTED}", HINT)
    try:
        listed = entries(path)
        arrays = {name.removesuffix(".npy"): entry for name, entry in listed.items() if name.endswith(".npy")}
        members = {key: _member(entry, key) for key, entry in arrays.items()}
    except (ZooError, *_DAMAGE) as error:
        raise _unreadable(path, error) from error
    if other := next((name for name in listed if not name.endswith(".npy")), None):
        raise ZooError(f"{path} is no readable .npz file: it holds {shown(other)}; expected arrays, NAME.npy", HINT)
    return members


def _unreadable(path: Path, error: Exception) -> ZooError:
    if isinstance(error, ZooError):
        told = error.message.removeprefix(f"{path}: ").removeprefix(f"{path} ")
        return ZooError(f"{path} is no readable .npz file: {told}", error.hint or HINT)
    return ZooError(f"{path} is no readable .npz file: {first_line(error, 200)}", HINT)


def _member(entry: ZipEntry, key: str) -> Member:
    """Read an array's header, and check that it declares as many bytes as the entry has."""
    head = io.BytesIO(entry.read(0, min(entry.size, LONGEST_HEADER)))
    version = format.read_magic(head)
    if version not in HEADERS:
        raise ValueError(f"{key} has the version {version} of .npy files; expected 1.0 or 2.0")
    shape, fortran, dtype = HEADERS[version](head)
    member = Member(entry, Spec(shape, dtype), fortran, head.tell())
    if not dtype.hasobject and member.bytes != entry.size - member.start:
        there = entry.size - member.start
        raise ZooError(f"{shown(key)} declares {member.bytes:,} bytes of numbers and has {there:,}", AGAIN)
    return member


def _array(member: Member, path: Path, key: str) -> Array:
    spec, entry = member.spec, member.entry
    if spec.dtype.hasobject:
        raise ZooError(
            f"{path} is no readable .npz file: {key} holds Python objects, which allow_pickle=False leaves out",
            "objects are pickles, which can run code: save numbers and text with numpy.savez",
        )
    order: Any = "F" if member.fortran else "C"
    try:
        if member.bytes <= MAPPED:
            return np.ndarray(spec.shape, spec.dtype, entry.read(0, entry.size), member.start, order=order)
        if entry.is_stored:
            entry.check()
            return np.memmap(path, spec.dtype, "r", entry.offset + member.start, spec.shape, order)
        return _unpacked(member, path, order)
    except (ZooError, *_DAMAGE) as error:
        raise _unreadable(path, error) from error


def _unpacked(member: Member, path: Path, order: Any) -> Array:
    """Unpack a large array to a file without a name, which goes with the process, and map it."""
    with tempfile.TemporaryFile() as file:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member.entry.info) as packed:
                shutil.copyfileobj(packed, file, CHUNK)
        except OSError as error:
            raise ZooError(
                f"cannot unpack {member.entry.name} to {tempfile.gettempdir()}: {error.strerror or error}",
                "free some space, or set TMPDIR to another folder",
            ) from error
        file.flush()
        return np.memmap(file, member.spec.dtype, "r", member.start, member.spec.shape, order)
