"""A Keras model as one `.keras` file: a zip of its config, its weights in HDF5, and what layers keep as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import keras
import numpy as np


def save(model: Any, path: Path) -> None:
    """Write the same file as `model.save`, which holds all of the HDF5 file in memory while it writes.

    Raises:
        OSError: the folder cannot be written, or has no room for the weights twice.
    """
    with TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        with _uncopied():
            keras.saving.save_model(model, folder, zipped=False)
        with ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder))


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
