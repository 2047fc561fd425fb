"""SavedModels of TensorFlow 1 and 2, and TensorFlow Hub modules, as native Keras models.

Importing this package imports no TensorFlow; `read` does.
"""

from __future__ import annotations

from pathlib import Path

from registry.watch import Watch, silent
from transfer.imported import Imported
from transfer.importers.savedmodel.folder import claims

__all__ = ["claims", "read"]


def read(
    path: Path | str,
    *,
    input: str | None = None,
    output: str | None = None,
    signature: str | None = None,
    compare: bool = True,
    seed: int = 0,
    watch: Watch = silent,
) -> Imported:
    """Import a signature of a SavedModel as a functional Keras model with one or more inputs and outputs.

    Args:
        path: the folder that holds `saved_model.pb`, or that file.
        input: tensors to start from, in place of the signature's inputs; several are separated by commas.
        output: tensors to end at, in place of the signature's outputs.
        signature: its name; None takes `serving_default`, or the only one.
        compare: run the original graph beside the model on random inputs, and refuse a model that differs.
        seed: of those inputs.
        watch: called with progress.

    Raises:
        ZooError: files are missing or damaged, there is no such signature, it takes text, an operation may not run,
            or the model differs from the original by more than 1e-4 of its largest output.
    """
    from transfer.importers.savedmodel import reader

    return reader.read(path, input, output, signature, seed if compare else None, watch)
