"""Keras 3 files (`.keras`). Nothing in them is executed: safe mode, and no custom objects but our own layer."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras

from registry.errors import ZooError
from transfer.backbone import describe, functional
from transfer.importers.imported import Imported, Mapped

FORMAT = "keras"


def read(path: Path | str, *, input: str | None = None, output: str | None = None) -> Imported:
    """Load a `.keras` file as a functional model.

    Args:
        path: the file.
        input: not used: the file says what its input is.
        output: not used, likewise.

    Raises:
        ZooError: the file is missing, broken, holds what would run code, or is no graph of layers.
    """
    from transfer.importers import graph_layer  # noqa: F401  registers GraphLayer with Keras

    path = Path(path)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    if not zipfile.is_zipfile(path):
        raise ZooError(f"{path} is no Keras 3 file: expected a zip archive, got other or truncated bytes")
    try:
        loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
    except ZooError:
        raise
    except Exception as error:  # Keras raises whatever the broken part of the file led to
        raise ZooError(f"{path} cannot be loaded: {_first_line(error)}") from error
    model = functional(loaded)
    layers = tuple(
        Mapped(
            layer.name,
            layer.type,
            (f"{path.name}:{layer.name}",) if layer.parameters else (),
            layer.parameters,
        )
        for layer in describe(model)
        if layer.inputs
    )
    return Imported(model, FORMAT, layers)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
