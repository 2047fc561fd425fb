"""Keras 3 files: the model as plain Keras opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from transfer.exporters.exported import About, Checked, compared, outputs_of
from transfer.imported import GRAPH_LAYER
from transfer.inputs import Arrays
from transfer.scope import scope_of


def write(model: Any, path: Path, about: About) -> tuple[str, ...]:
    """Write a `.keras` file."""
    model.save(path)
    ours = [scope_of(layer.name) for layer in model.layers if type(layer).__name__ == GRAPH_LAYER]
    if not ours:
        return ()
    return (
        f"plain Keras cannot open this file: {', '.join(ours)} {'is a' if len(ours) == 1 else 'are'} {GRAPH_LAYER}, "
        "which needs the package zoo (import transfer.importers.graph_layer first)",
    )


def check(model: Any, path: Path, inputs: Arrays) -> Checked:
    """Load the file in safe mode and run it."""
    loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
    return compared(outputs_of(model, inputs), outputs_of(loaded, inputs), f"Keras {keras.__version__}")
