"""A trunk on its way to workers: the bytes of its `.keras` file, which the workers of a machine share."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.keras_archive import save

NAME = "trunk.keras"


def archived(trunk: Any) -> NDArray[np.uint8]:
    """Return a functional model's file, `(bytes,) uint8`."""
    with TemporaryDirectory(prefix="zoo-") as folder:
        save(trunk, Path(folder) / NAME)
        return np.fromfile(Path(folder) / NAME, np.uint8)


def loaded(archive: NDArray[np.uint8]) -> Any:
    """Make the model of its file again."""
    from transfer.importers import graph_layer  # noqa: F401  it tells Keras of its layer
    from transfer.tops import rrelu  # noqa: F401

    with TemporaryDirectory(prefix="zoo-") as folder:
        archive.tofile(Path(folder) / NAME)
        return keras.saving.load_model(Path(folder) / NAME, compile=False, safe_mode=True)
