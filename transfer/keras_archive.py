"""A Keras model as one `.keras` file: a zip of its config, its weights in HDF5, and what layers keep as files.

It does not say when it was written: the same model gives the same bytes, so what is imported or pulled again is the
same revision.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile, ZipInfo

import keras
import msgspec
import numpy as np

METADATA = "metadata.json"
NEVER = "1980-01-01@00:00:00"  # the earliest time that a zip can state
OPEN_TO_ALL = 0o644 << 16
PIECE = 2**20  # bytes


def save(model: Any, path: Path) -> None:
    """Write what `model.save` does, which holds all of the HDF5 file in memory while it writes, but without the time.

    Raises:
        OSError: the folder cannot be written, or has no room for the weights twice.
    """
    with TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        with _uncopied():
            keras.saving.save_model(model, folder, zipped=False)
        _forget_the_time(folder / METADATA)
        with ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    _add(archive, file, file.relative_to(folder))


def _forget_the_time(metadata: Path) -> None:
    told = msgspec.json.decode(metadata.read_bytes(), type=dict[str, Any])
    metadata.write_bytes(msgspec.json.encode(told | {"date_saved": NEVER}))


def _add(archive: ZipFile, file: Path, name: Path) -> None:
    entry = ZipInfo(name.as_posix())
    entry.file_size, entry.external_attr = file.stat().st_size, OPEN_TO_ALL
    with file.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, PIECE)


@contextmanager
def _uncopied() -> Iterator[None]:
    """Let Keras write the variables' own memory, of which it would make two copies first."""
    backend: Any = import_module("keras.src.backend")
    copied = backend.convert_to_numpy

    def own(value: Any) -> Any:
        return np.asarray(value.value.read_value()) if isinstance(value, keras.Variable) else copied(value)

    backend.convert_to_numpy = own
    try:
        yield
    finally:
        backend.convert_to_numpy = copied
