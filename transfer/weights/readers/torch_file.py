"""Read PyTorch's files of weights without PyTorch: zip archives, the older format, TorchScript's weights, shards."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError
from transfer.files.source import size_of
from transfer.weights.claims import TAR_AT, TORCH_NAMES, head, is_zip, other
from transfer.weights.foreign import Foreign
from transfer.weights.readers import torch_legacy, torch_zip
from transfer.weights.readers.shards import whole
from transfer.weights.readers.torch_state import chosen


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a file, of a folder or of an index of shards.

    Raises:
        ZooError: it is damaged, no file of PyTorch's, or asks for code to be run.
    """
    return whole(path, TORCH_NAMES, _one)


def _one(path: Path) -> Foreign:
    size_of(path)
    opened = torch_zip.opened(path) if is_zip(path) else _legacy(path)
    weights, notes = chosen(opened, path)
    shapes = {name: stored.shape for name, stored in weights.items()}
    return Foreign("pytorch", "torch", shapes, lambda name: weights[name].load(), notes)


def _legacy(path: Path) -> torch_zip.Opened:
    start = head(path)
    if start[TAR_AT : TAR_AT + 5] == b"ustar":
        raise ZooError(
            f"{path} is a tar archive, as PyTorch wrote them before 0.1.10; expected a later format",
            "load it with PyTorch and save it again: torch.save(torch.load(path), path)",
        )
    if what := other(start):
        raise ZooError(f"{path} is {what}; expected a PyTorch file")
    return torch_legacy.opened(path)
