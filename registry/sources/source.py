"""What every source of models on this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from registry.model import Model


class Source(Protocol):
    """A place on this machine that holds models."""

    name: str

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a model's revision, the newest where none is named; None where there is none."""
        ...

    def folder(self, model: Model) -> Path:
        """Return a local folder that holds the model's files under their own names."""
        ...

    def lay(self, model: Model, folder: Path) -> None:
        """Put the model's files into a folder, after a look at every byte; raises `ZooError` where one is damaged."""
        ...

    def zoo_json(self, model: Model) -> bytes:
        """Return the card's text, whose sha256 is the revision."""
        ...
