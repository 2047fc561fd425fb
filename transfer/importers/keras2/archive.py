"""The zip archive of a `.keras` file: its entries checked, its config, and its weights as a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2 import hdf5
from transfer.importers.keras2.apart import Slice
from transfer.importers.keras2.text import parsed
from transfer.importers.mistaken import AGAIN

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
EXPECTED = frozenset({CONFIG, WEIGHTS, "metadata.json"})
DENSEST = 100  # weights hardly compress; an entry that claims more is a bomb
SLACK = 16 << 20  # configs do, and may be so many bytes
LARGEST_CONFIG = 64 << 20
BROKEN = (OSError, ValueError, RuntimeError, NotImplementedError, KeyError, EOFError, zipfile.BadZipFile)


def contents(path: Path) -> tuple[Mapping[str, Any], int]:
    """Check a file, and return its model config and how many numbers its weights hold.

    Raises:
        ZooError: it is no zip archive, is damaged, lacks an entry, has one outside or one that unpacks to far more than
            it holds, or its weights are no plain HDF5 file.
    """
    if not zipfile.is_zipfile(path):
        raise ZooError(f"{path} is no Keras 3 file: expected a zip archive, got other or truncated bytes", AGAIN)
    with _opened(path) as archive:
        _check(archive, path)
        config = parsed(archive.read(CONFIG), f"the {CONFIG} of {path}")
        with _member(archive, path) as weights, hdf5.opened(weights, f"the {WEIGHTS} of {path}") as file:
            shapes = hdf5.checked(file, f"the {WEIGHTS} of {path}")
    return config, sum(_size(shape) for shape in shapes.values())


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BROKEN as error:
        raise ZooError(f"{path} is damaged: {(str(error).splitlines() or [''])[0][:200]}", AGAIN) from error
    except Exception as error:  # zlib.error and its like, of which there is no common class
        if isinstance(error, ZooError):
            raise
        raise ZooError(f"{path} is damaged: {type(error).__name__}", AGAIN) from error


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    missing = sorted({CONFIG, WEIGHTS} - set(names))
    if missing:
        raise ZooError(f"{path} is no Keras 3 file: it has no {' and no '.join(missing)}")
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ZooError(f"{path} has the entry {name[:200]!r}, which lies outside: expected names inside the file")
        if name not in EXPECTED and not name.startswith("assets/"):
            raise ZooError(f"{path} has the entry {name[:200]!r}: expected {', '.join(sorted(EXPECTED))} and assets")
        if entry.flag_bits & 1 or names.count(name) > 1:
            raise ZooError(f"{path} is damaged: its entry {name[:200]} is encrypted or stands in it twice")
        if entry.file_size > DENSEST * entry.compress_size + SLACK:
            raise ZooError(
                f"{path}: its entry {name[:200]} has {entry.compress_size:,} bytes and claims to unpack to "
                f"{entry.file_size:,}: it is not unpacked"
            )
    if archive.getinfo(CONFIG).file_size > LARGEST_CONFIG:
        raise ZooError(f"{path}: its {CONFIG} is larger than {LARGEST_CONFIG >> 20} MB")


@contextmanager
def _member(archive: zipfile.ZipFile, path: Path) -> Iterator[Any]:
    """Open the weights: in place where they are stored as they are, unpacked into memory otherwise."""
    entry = archive.getinfo(WEIGHTS)
    if entry.compress_type != zipfile.ZIP_STORED:
        yield io.BytesIO(archive.read(WEIGHTS))
        return
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)  # APPNOTE.TXT 4.3.7: lengths of the name and of the extra field
        lengths = file.read(4)
        begin = entry.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        if begin + entry.file_size > path.stat().st_size:
            raise ZooError(f"{path} is truncated: its {WEIGHTS} should have {entry.file_size:,} bytes")
        yield Slice(file, begin, entry.file_size)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
