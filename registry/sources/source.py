"""What every source of models can do."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from registry.model import Model, Summary


class Source(Protocol):
    """A place that holds models."""

    name: str

    def summaries(self) -> list[Summary]:
        """Return the newest revision of every model."""
        ...

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a model's revision, the newest where none is named; None where there is none."""
        ...

    def folder(self, model: Model) -> Path:
        """Return a local folder that holds the model's files under their own names."""
        ...
