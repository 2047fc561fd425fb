"""The zip archive of a `.keras` file: its entries checked, its config, and its weights as a file."""

from __future__ import annotations

import io
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files import hdf5
from transfer.files.hdf5_walk import Slice
from transfer.files.json_text import parsed
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line
from transfer.files.zip_entries import BROKEN, ENCRYPTED, METHODS, ZipEntry

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
EXPECTED = frozenset({CONFIG, WEIGHTS, "metadata.json"})
DENSEST = 100  # weights hardly compress; an entry that claims more is a bomb
SLACK = 16 << 20  # configs do, and may be so many bytes
LARGEST_CONFIG = 64 << 20


@dataclass(frozen=True)
class KerasArchive:
    """A file whose list of entries was checked.

    Attributes:
        path: the file.
        held: its entries by name.
    """

    path: Path
    held: Mapping[str, ZipEntry]

    @property
    def config(self) -> Mapping[str, Any]:
        """The model's config.

        Raises:
            ZooError: it is no JSON.
        """
        entry = self.held[CONFIG]
        return parsed(entry.read(0, entry.size), f"the {CONFIG} of {self.path}")

    def numbers(self) -> int:
        """Check the weights, and return how many numbers they hold.

        Raises:
            ZooError: they are no plain HDF5 file, or a damaged one.
        """
        self.held[WEIGHTS].check()
        shapes = dict[str, tuple[int, ...]]()

        def check(file: Any, name: str) -> None:
            shapes.update(hdf5.checked(file, name))

        with _opened(self.held[WEIGHTS]) as weights, hdf5.opened(weights, f"the {WEIGHTS} of {self.path}", check):
            return sum(math.prod(shape) for shape in shapes.values())

    def fill(self, model: Any) -> None:
        """Give a model the weights, as Keras does.

        `model.load_weights` reads them through `zipfile`, which begins at the entry's first byte again each time that
        HDF5 goes back: 300 MB take thirteen times as long.
        """
        saving: Any = import_module("keras.src.saving.saving_lib")
        with (
            _opened(self.held[WEIGHTS]) as weights,
            closing(saving.H5IOStore(WEIGHTS, archive=_Only(weights), mode="r")) as store,
        ):
            saving._load_state(model, store, None, "", visited_saveables=set())


@dataclass(frozen=True)
class _Only:
    """What Keras takes for an archive: one open file."""

    file: Any

    def open(self, name: str, mode: str) -> Any:
        """Return the file."""
        return self.file


def opened(path: Path) -> KerasArchive:
    """Check a file's list of entries.

    Raises:
        ZooError: it is no zip archive, is damaged, lacks an entry, has one outside or one that unpacks to far more than
            it holds.
    """
    if not zipfile.is_zipfile(path):
        raise ZooError(f"{path} is no Keras 3 file: expected a zip archive, got other or truncated bytes", AGAIN)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*BROKEN, OSError) as error:
        raise ZooError(f"{path} is damaged: {first_line(error, 200)}", AGAIN) from error
    _check(infos, path)
    return KerasArchive(path, {info.filename: ZipEntry(path, info) for info in infos})


def _check(entries: Sequence[zipfile.ZipInfo], path: Path) -> None:
    times = Counter(entry.filename for entry in entries)
    missing = sorted({CONFIG, WEIGHTS} - times.keys())
    if missing:
        raise ZooError(f"{path} is no Keras 3 file: it has no {' and no '.join(missing)}")
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ZooError(f"{path} has the entry {name[:200]!r}, which lies outside: expected names inside the file")
        if name not in EXPECTED and not name.startswith("assets/"):
            raise ZooError(f"{path} has the entry {name[:200]!r}: expected {', '.join(sorted(EXPECTED))} and assets")
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS or times[name] > 1:
            raise ZooError(f"{path} is damaged: its entry {name[:200]} is encrypted, packed otherwise, or in it twice")
        if entry.file_size > DENSEST * entry.compress_size + SLACK:
            raise ZooError(
                f"{path}: its entry {name[:200]} has {entry.compress_size:,} bytes and claims to unpack to "
                f"{entry.file_size:,}: it is not unpacked"
            )
        if name == CONFIG and entry.file_size > LARGEST_CONFIG:
            raise ZooError(f"{path}: its {CONFIG} is larger than {LARGEST_CONFIG >> 20} MB")


@contextmanager
def _opened(entry: ZipEntry) -> Iterator[Any]:
    """Open the weights: in place where they are stored as they are, unpacked into memory otherwise."""
    if not entry.is_stored:
        yield io.BytesIO(entry.read(0, entry.size))
        return
    begin = entry.offset
    if begin + entry.size > entry.path.stat().st_size:
        raise ZooError(f"{entry.path} is truncated: its {entry.name} should have {entry.size:,} bytes")
    with entry.path.open("rb") as file:
        yield Slice(file, begin, entry.size)
