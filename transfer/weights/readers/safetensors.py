"""Read safetensors: one file, a folder of Hugging Face's layout, or an index of shards."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError
from transfer.weights.claims import SAFETENSORS_NAMES
from transfer.weights.foreign import Foreign
from transfer.weights.readers.safetensors_header import header
from transfer.weights.readers.shards import whole

CONVENTIONS = {"pt": "torch", "keras": "keras", "tf": "tensorflow"}  # by the metadata's `format`


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a file, of a folder or of an index of shards.

    Raises:
        ZooError: it is damaged, or no safetensors file.
    """
    return whole(path, SAFETENSORS_NAMES, _one)


def _one(path: Path) -> Foreign:
    metadata, arrays = header(path)
    if not arrays:
        raise ZooError(f"{path} holds no arrays; expected weights")
    convention = CONVENTIONS.get(metadata.get("format", ""), "numpy")
    shapes = {name: stored.shape for name, stored in arrays.items()}
    return Foreign("safetensors", convention, shapes, lambda name: arrays[name].load())
