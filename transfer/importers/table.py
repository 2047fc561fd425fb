"""Which importer reads a path: the table, and the choice from it. Importers are imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.errors import ZooError, near
from transfer.importers.metagraph.prefix import prefix_of


@dataclass(frozen=True)
class Importer:
    """One format.

    Attributes:
        format: its name in cards.
        what: for people.
        module: the module whose `read(path, *, input, output)` returns an `Imported`.
        claims: tells from names and first bytes whether a path is of this format.
    """

    format: str
    what: str
    module: str
    claims: Callable[[str], bool]

    def read(self, path: str, **options: Any) -> Any:
        """Import the path; see the module's `read`."""
        return import_module(self.module).read(path, **options)


def importer_for(path: str) -> Importer:
    """Choose the importer of a path.

    Raises:
        ZooError: there is nothing at the path, or no importer claims it.
    """
    for importer in IMPORTERS:
        if importer.claims(path):
            return importer
    known = "; ".join(f"{importer.what}" for importer in IMPORTERS)
    there = "is of no format that can be read" if Path(path).exists() else "does not exist"
    raise ZooError(f"{path} {there}", f"these can be: {known}")


def importer_of(format: str) -> Importer:
    """Return the importer of a card's format.

    Raises:
        ZooError: there is none.
    """
    for importer in IMPORTERS:
        if importer.format == format:
            return importer
    raise ZooError(f"no importer reads the format {format!r}", near(format, [one.format for one in IMPORTERS]))


def _is_keras(path: str) -> bool:
    return path.endswith(".keras") and Path(path).is_file()


IMPORTERS = (
    Importer(
        "tf1-metagraph",
        "a TensorFlow 1 checkpoint (.meta, .index, .data-00000-of-00001)",
        "transfer.importers.metagraph",
        lambda path: prefix_of(path) is not None,
    ),
    Importer("keras", "a Keras 3 file (.keras)", "transfer.importers.keras_file", _is_keras),
)
