"""Read safetensors: one file, a folder of Hugging Face's layout, or an index of shards."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError
from transfer.weights import hf_config
from transfer.weights.claims import SAFETENSORS_NAMES
from transfer.weights.foreign import Foreign
from transfer.weights.safetensors_header import header
from transfer.weights.shards import joined

CONVENTIONS = {"pt": "torch", "keras": "keras", "tf": "tensorflow"}  # by the metadata's `format`


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a file, of a folder or of an index of shards.

    Raises:
        ZooError: it is damaged, or no safetensors file.
    """
    path = _inside(path)
    found = joined(path, _one) if path.name.endswith(".index.json") else _one(path)
    return hf_config.beside(path, found)


def _inside(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in SAFETENSORS_NAMES:
        if (path / name).is_file():
            return path / name
    raise ZooError(f"the folder {path} holds none of {', '.join(SAFETENSORS_NAMES)}", "name the file of weights in it")


def _one(path: Path) -> Foreign:
    metadata, arrays = header(path)
    if not arrays:
        raise ZooError(f"{path} holds no arrays; expected weights")
    convention = CONVENTIONS.get(metadata.get("format", ""), "numpy")
    shapes = {name: stored.shape for name, stored in arrays.items()}
    return Foreign("safetensors", convention, shapes, lambda name: arrays[name].load())
