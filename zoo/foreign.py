"""A model that is none of zoo's, as it was downloaded, into the catalogue: imported, or kept as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from registry.card import Card, Lineage
from registry.errors import ZooError
from registry.formats import UNKNOWN, format_of
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from registry.sources.local import paths_of
from registry.sources.remote import Listing
from registry.spot import Spot
from zoo.front_matter import Facts, read_front_matter
from zoo.publishing import Importable, described

if TYPE_CHECKING:
    from transfer.imported import Imported

KERAS = "keras"  # what needs no conversion
KEPT = ("LICENSE", "LICENCE", "NOTICE")  # what goes along with a model that is imported anew


@dataclass(frozen=True)
class Stored:
    """What became of another's model.

    Attributes:
        model: it, here.
        imported: the account of its import; None where it is kept as it came.
        reason: why it could not be imported; empty where that was not tried.
    """

    model: Model
    imported: Imported | None = None
    reason: str = ""


def store(shelf: Shelf, folder: Path, listing: Listing, spot: Spot, convert: Collection[str]) -> Stored:
    """Store another's model: imported where its format is one of `convert` and it can be, as it came otherwise.

    A `.keras` file is a Keras model already: it is read and described, and its bytes are kept.

    Raises:
        ZooError: a `.keras` file cannot be read, the name is taken, or what was imported cannot be written.
    """
    format, weights = format_of(paths_of(folder))
    imported, reason = _converted(format, weights, folder, listing, spot) if format in convert else (None, "")
    if format == UNKNOWN and convert:
        reason = "no file of it is in a format that is known"
    if imported is not None:
        return Stored(_as_keras(imported, folder, listing, spot).commit(), imported)
    card = Card(spot.name, format, weights, lineage=Lineage(_parent(listing.ref)))
    return Stored(shelf.publish(described(card, _facts(folder, listing)), folder, spot), reason=reason)


def _converted(format: str, weights: str, folder: Path, listing: Listing, spot: Spot) -> tuple[Imported | None, str]:
    """Return what was imported, or None and why it could not be; nothing is stored."""
    name = str(listing.ref) if weights == "." else f"{weights} of {listing.ref}"
    try:
        with _named(str(folder / weights), name, f"zoo pull {listing.ref} --as {spot.name}"):
            return _imported(format, str(folder / weights)), ""
    except ZooError as error:
        if format == KERAS:
            raise
        return None, error.message
    except Exception as error:  # a file of another's may hold what no importer thought of; it is kept all the same
        if format == KERAS:
            raise
        return None, f"unexpected {type(error).__name__}: {error}"


def _as_keras(imported: Imported, folder: Path, listing: Listing, spot: Spot) -> Importable:
    """Take along what says who made it; a `.keras` file stays as it is."""
    paths = paths_of(folder)
    extra = {path: folder / path for path in paths if path.upper().startswith(KEPT)}
    if "README.md" in paths:
        extra["README.origin.md"] = folder / "README.md"
    kept = folder / format_of(paths)[1] if imported.format == KERAS else None
    return Importable(imported, spot, Lineage(_parent(listing.ref)), _facts(folder, listing), extra, kept)


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


def importable() -> frozenset[str]:
    """Return the formats that become Keras models without being told more than where the files are."""
    from transfer.importers.table import IMPORTERS

    return frozenset(importer.format for importer in IMPORTERS)


def _imported(format: str, path: str) -> Imported:
    from zoo.starting import start_tensorflow

    start_tensorflow()
    from transfer.importers.table import importer_of

    imported: Imported = importer_of(format).read(path)
    return imported


@contextmanager
def _named(path: str, name: str, pull: str) -> Iterator[None]:
    """Let what goes wrong with an import name the model, not the folder that is gone by then, and say the way out."""
    try:
        yield
    except ZooError as error:
        hint = f"{error.hint}; {pull} --no-import stores the files as they are".lstrip("; ")
        named = error.message.replace(path, name)
        raise ZooError(named if name in named else f"{name} cannot be imported: {named}", hint) from error
