"""Architectures without weights: what `model.to_json()` of Keras 1, 2 and 3 writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.files.json_text import parsed
from transfer.imported import Imported, Mapped
from transfer.importers.keras2.build import build
from transfer.importers.keras2.fill import weights_of
from transfer.importers.keras2.flatten import flatten
from transfer.importers.keras_h5 import major_of, notes_of

FORMAT = "keras-json"
LARGEST = 64 << 20  # bytes
RANDOM = "the file holds no weights: all of them are random; zoo import WEIGHTS --into this model fills them"


def read(path: Path | str, *, compare: bool = True, seed: int = 0, watch: Watch = silent) -> Imported:
    """Make the model of a config, with random weights.

    Args:
        path: the file.
        compare: changes nothing: there are no numbers to compare.
        seed: of the weights.
        watch: called with progress.

    Raises:
        ZooError: the file is missing, no model config, or holds a layer that is not Keras's own.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    if path.stat().st_size > LARGEST:
        raise ZooError(f"{path} is too large for a model config: expected at most {LARGEST >> 20} MB")
    config = parsed(path.read_bytes(), str(path))
    major = _major(config)
    graph = flatten(config, str(path), major)
    watch("layers", 0, 1)
    keras.utils.set_random_seed(seed)
    built = build(graph, str(path))
    watch("layers", 1, 1)
    layers = tuple(
        Mapped(
            scope, type(layer).__name__, (), sum(int(weight.value.shape.num_elements()) for weight in weights_of(layer))
        )
        for scope, layer in built.layers.items()
    )
    random = tuple(f"{scope}/{weight.name}" for scope, layer in built.layers.items() for weight in weights_of(layer))
    notes = (*graph.notes, *notes_of(graph, built, 3), *((RANDOM,) if random else ()))
    return Imported(built.model, FORMAT, layers, notes=notes, random=random)


def _major(config: Mapping[str, object]) -> int:
    version = config.get("keras_version")
    if isinstance(version, str):
        return major_of(version)
    return 3 if "registered_name" in config or "module" in config else 1
