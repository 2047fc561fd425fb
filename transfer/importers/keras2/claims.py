"""Which Keras or TF.js format a path is of, by names and first bytes. Imports neither Keras nor h5py."""

from __future__ import annotations

import re
from pathlib import Path

from transfer.files.start import begins_as_hdf5, is_hdf5, start

HEAD = 1 << 16  # bytes
TFJS_FILES = ("model.json", "model.min.js", "model.js")
TOPOLOGY = re.compile(rb"[\"']?modelTopology[\"']?\s*:")
CONFIG = re.compile(rb"[\"']class_name[\"']\s*:\s*[\"'](Sequential|Functional|Model)[\"']")


def keras_h5(path: Path | str) -> bool:
    """Tell whether a path is an HDF5 file that may hold a whole model: by its signature, or by its name alone.

    A weights-only file is claimed too, so that its error says what to do with it.
    """
    return is_hdf5(Path(path))


def keras_json(path: Path | str) -> bool:
    """Tell whether a path is a model config as JSON, `model.to_json()`."""
    file = Path(path)
    if not file.is_file() or file.suffix != ".json":
        return False
    head = start(file, HEAD)
    return TOPOLOGY.search(head) is None and CONFIG.search(head) is not None


def tfjs(path: Path | str) -> bool:
    """Tell whether a path is a TF.js model file, or a folder with one."""
    place = Path(path)
    files = [place / name for name in TFJS_FILES] if place.is_dir() else [place]
    return any(
        file.is_file() and file.name.endswith((".json", ".js")) and TOPOLOGY.search(start(file, HEAD)) is not None
        for file in files
    )


def keras_file(path: Path | str) -> bool:
    """Tell whether a path is a `.keras` file; one that is HDF5 inside, as early TF-Keras wrote it, is not."""
    file = Path(path)
    return file.name.endswith(".keras") and file.is_file() and not begins_as_hdf5(file)
