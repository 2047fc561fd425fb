"""Which Keras or TF.js format a path is of, by names and first bytes. Imports neither Keras nor h5py."""

from __future__ import annotations

import re
from pathlib import Path

HDF5 = b"\x89HDF\r\n\x1a\n"  # HDF5 File Format Specification 3.0, section II.A
HEAD = 1 << 16  # bytes
H5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".keras")
TFJS_FILES = ("model.json", "model.min.js", "model.js")
TOPOLOGY = re.compile(rb"[\"']?modelTopology[\"']?\s*:")
CONFIG = re.compile(rb"[\"']class_name[\"']\s*:\s*[\"'](Sequential|Functional|Model)[\"']")


def keras_h5(path: Path | str) -> bool:
    """Tell whether a path is an HDF5 file that may hold a whole model: by its signature, or by its name alone.

    A weights-only file is claimed too, so that its error says what to do with it.
    """
    file = Path(path)
    if not file.is_file():
        return False
    return _head(file, len(HDF5)) == HDF5 or file.name.endswith(H5_SUFFIXES[:3])


def keras_json(path: Path | str) -> bool:
    """Tell whether a path is a model config as JSON, `model.to_json()`."""
    file = Path(path)
    if not file.is_file() or file.suffix != ".json":
        return False
    head = _head(file, HEAD)
    return TOPOLOGY.search(head) is None and CONFIG.search(head) is not None


def tfjs(path: Path | str) -> bool:
    """Tell whether a path is a TF.js model file, or a folder with one."""
    place = Path(path)
    files = [place / name for name in TFJS_FILES] if place.is_dir() else [place]
    return any(
        file.is_file() and file.name.endswith((".json", ".js")) and TOPOLOGY.search(_head(file, HEAD)) is not None
        for file in files
    )


def keras_file(path: Path | str) -> bool:
    """Tell whether a path is a `.keras` file; one that is HDF5 inside, as early TF-Keras wrote it, is not."""
    file = Path(path)
    return file.name.endswith(".keras") and file.is_file() and _head(file, len(HDF5)) != HDF5


def _head(file: Path, count: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(count)
    except OSError:
        return b""
