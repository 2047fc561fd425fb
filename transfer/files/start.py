"""How a file begins, and which format that says it is of. Pure but for the reading: no h5py, no Keras."""

from __future__ import annotations

from pathlib import Path

HDF5 = b"\x89HDF\r\n\x1a\n"  # HDF5 File Format Specification 3.0, section II.A
HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")


def start(path: Path, count: int) -> bytes:
    """Return the first bytes of a file, none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def begins_as_hdf5(path: Path) -> bool:
    """Tell whether a file has the signature of HDF5."""
    return start(path, len(HDF5)) == HDF5


def is_hdf5(path: Path) -> bool:
    """Tell whether a path is an HDF5 file: by its signature, or by its name alone."""
    return path.is_file() and (begins_as_hdf5(path) or path.name.lower().endswith(HDF5_SUFFIXES))
