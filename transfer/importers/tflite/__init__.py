"""TensorFlow Lite files (`.tflite`) as native Keras layers: float32, float16 and quantised weights.

Importing this package imports no TensorFlow; `read` does.
"""

from __future__ import annotations

from pathlib import Path

from registry.watch import Watch, silent
from transfer.imported import Imported

__all__ = ["claims", "read"]
SUFFIXES, IDENTIFIER = (".tflite", ".lite"), b"TFL3"


def claims(path: str) -> bool:
    """Tell whether a path is a TensorFlow Lite file, by its name or by its first bytes."""
    place = Path(path)
    if not place.is_file():
        return False
    if path.lower().endswith(SUFFIXES):
        return True
    try:
        with place.open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER
    except OSError:
        return False


def read(path: Path | str, *, compare: bool = True, seed: int = 0, watch: Watch = silent) -> Imported:
    """Import the main graph of a file.

    Args:
        path: the file.
        compare: run the file beside the model, where an interpreter is installed and computes with real numbers.
        seed: of the random inputs for that.
        watch: called with progress.

    Raises:
        ZooError: it is missing or damaged, has operators that no layer does, or computes other numbers.
    """
    from transfer.importers.tflite import reader

    return reader.read(Path(path), compare, seed, watch)
