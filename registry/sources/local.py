"""The catalogue on this machine: revisions in SQLite, bytes in content-addressed files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from registry.blobs import Blobs, entry_of
from registry.card import CARD_FILE, Card, encode
from registry.errors import ZooError
from registry.home import Home
from registry.model import Model, Summary


class Local:
    """The source below `$ZOO_HOME`; the only one that can be written to."""

    name = "local"

    def __init__(self, home: Home) -> None:
        from registry.catalogue import Catalogue

        self._home = home
        self._blobs = Blobs(home.blobs)
        self._catalogue = Catalogue(home.catalogue)

    def summaries(self) -> list[Summary]:
        """Return the newest revision of every local model."""
        return self._catalogue.summaries()

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a local model's revision by commit or tag."""
        return self._catalogue.find(name, revision)

    def revisions(self, name: str) -> list[str]:
        """Return a local model's revisions, the oldest first."""
        return self._catalogue.revisions(name)

    def folder(self, model: Model) -> Path:
        """Lay the revision out as a folder, once, and return it."""
        return self._blobs.checkout(model.card.files, self._home.checkouts / model.revision)

    def publish(self, card: Card, folder: Path, *, update: bool = False) -> Model:
        """Store a folder's files and commit them under the card's name, all or nothing.

        Args:
            card: the revision; its `files` are filled in here.
            folder: all files below it become part of the revision, but for a `zoo.json`.
            update: add a revision to a name that exists.

        Raises:
            ZooError: the name is taken and `update` is false; or the store cannot be written.
        """
        try:
            card = replace(card, files=tuple(entry_of(folder, path) for path in _paths(folder)))
            for file in card.files:
                self._blobs.put(folder / file.path)
            self._blobs.put_bytes(encode(card))  # so that the catalogue can be rebuilt from the blobs
        except OSError as error:
            raise ZooError(
                f"cannot store {card.name} below {self._home.blobs}: {error.strerror or error}",
                "free some space, or set ZOO_HOME to a folder that you can write to",
            ) from error
        return self._catalogue.commit(card, update=update)


def _paths(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files if path.name != CARD_FILE)
