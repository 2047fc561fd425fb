"""ONNX models as native Keras models, channels last. Neither `onnx` nor ONNX Runtime is needed to read one.

Importing this package imports no TensorFlow; `read` does.
"""

from __future__ import annotations

from pathlib import Path

from registry.watch import Watch, silent
from transfer.imported import Imported

__all__ = ["claims", "read"]


def claims(path: str) -> bool:
    """Tell whether a path is an ONNX file, by its name."""
    return path.lower().endswith(".onnx") and Path(path).is_file()


def read(
    path: Path | str,
    *,
    input: str | None = None,
    output: str | None = None,
    compare: bool = True,
    seed: int = 0,
    watch: Watch = silent,
) -> Imported:
    """Import an ONNX model as a functional Keras model.

    Args:
        path: the `.onnx` file; weights in files beside it are found.
        input: tensors to begin at, separated by commas; `NAME=NUMBER` gives an input one value for good, and
            `NAME=?x576` sizes to one whose sizes are open. None begins at the graph's inputs.
        output: tensors to end at, separated by commas; None ends at the graph's outputs.
        compare: run the original in ONNX Runtime, where it is installed, and refuse a model that differs.
        seed: of the inputs that it is run on.
        watch: is told how far it is.

    Raises:
        ZooError: the file is damaged, an operator has no counterpart in Keras (the message counts all such), or the
            model differs from the original by more than 1e-4 of its largest output.
    """
    from transfer.importers.onnx import reader

    return reader.read(Path(path), input, output, compare, seed, watch)
