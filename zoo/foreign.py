"""A model that is none of zoo's, as it was downloaded, into the catalogue: imported, or kept as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from registry.card import Card, Lineage
from registry.errors import ZooError
from registry.formats import format_of
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from registry.sources.local import paths_of
from registry.sources.remote import Listing
from registry.spot import Spot
from zoo.front_matter import Facts, read_front_matter
from zoo.publishing import Importable, described

if TYPE_CHECKING:
    from transfer.importers.imported import Imported

KEPT = ("LICENSE", "LICENCE", "NOTICE")  # what goes along with a model that is imported anew


def store(shelf: Shelf, folder: Path, listing: Listing, spot: Spot, *, convert: bool) -> tuple[Model, Imported | None]:
    """Store another's model: imported where its format can be read and `convert` is true, as it is otherwise.

    Returns:
        The model here, and the account of its import where there was one.

    Raises:
        ZooError: it cannot be imported, or the name is taken.
    """
    paths = paths_of(folder)
    format, weights = format_of(paths)
    facts = _facts(folder, listing)
    parent = _parent(listing.ref)
    if convert and can_import(format):
        with _named(str(folder / weights), f"{weights} of {listing.ref}"):
            imported = _imported(format, str(folder / weights))
        extra = {path: folder / path for path in paths if path.upper().startswith(KEPT)}
        if "README.md" in paths:
            extra["README.origin.md"] = folder / "README.md"
        return Importable(imported, spot, parent, facts, extra).commit(), imported
    card = described(Card(spot.name, format, weights, lineage=Lineage(parent)), facts)
    return shelf.publish(card, folder, spot), None


def _parent(ref: Ref) -> str:
    """Name where a model came from; of a path its last part, for the rest is nobody's business."""
    return PurePath(ref.name).name if ref.source == "file" else str(ref)


def _facts(folder: Path, listing: Listing) -> Facts:
    path = folder / "README.md"
    said = read_front_matter(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")
    return replace(
        said,
        task=listing.task or said.task,
        license=listing.license or said.license,
        summary=listing.summary or said.summary or f"pulled from {_parent(listing.ref)}",
        tags=tuple(dict.fromkeys((*listing.tags, *said.tags))),
    )


def can_import(format: str) -> bool:
    """Tell whether there is an importer for a format."""
    from transfer.importers.table import IMPORTERS

    return format in {importer.format for importer in IMPORTERS}


def _imported(format: str, path: str) -> Imported:
    from zoo.opening import start_tensorflow

    start_tensorflow()
    from transfer.importers.table import importer_of

    imported: Imported = importer_of(format).read(path, input=None, output=None)
    return imported


@contextmanager
def _named(path: str, name: str) -> Iterator[None]:
    """Let what goes wrong with an import name the model, not the folder that is gone by then, and say the way out."""
    try:
        yield
    except ZooError as error:
        hint = f"{error.hint}; --no-import stores the files as they are".lstrip("; ")
        named = error.message.replace(path, name)
        raise ZooError(named if name in named else f"{name} cannot be imported: {named}", hint) from error
