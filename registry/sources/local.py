"""The catalogue on this machine: revisions in a database, bytes in content-addressed files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import CARD_FILE, SIGNATURE_FILE, Card, FileEntry, decode, encode
from registry.errors import ZooError
from registry.home import Home
from registry.model import Model

if TYPE_CHECKING:
    from registry.blobs import Blob, Blobs, Store
    from registry.catalogue import Catalogue
    from registry.spot import Spot
    from registry.workspace import Workspaces

MAX_TEXT = 20_000  # characters of a README that full-text search looks at


class Local:
    """The source below `$ZOO_HOME`; the only one that can be written to."""

    name = "local"

    def __init__(self, home: Home) -> None:
        self.home = home

    @cached_property
    def catalogue(self) -> Catalogue:
        """The database of revisions."""
        from registry.catalogue import Catalogue

        return Catalogue(self.home.catalogue)

    @cached_property
    def workspaces(self) -> Workspaces:
        """Where work lies that is not finished."""
        from registry.workspace import Workspaces

        return Workspaces(self.home.work)

    @cached_property
    def store(self) -> Store:
        """The files' bytes."""
        from registry.stores import store_of

        return store_of(self.home)

    @cached_property
    def copies(self) -> Blobs:
        """The folder on this machine in which the files lie, or copies of them."""
        from registry.blobs import Blobs

        return Blobs(self.home.blobs, self.workspaces)

    @cached_property
    def notes(self) -> Store:
        """Manifests and signatures."""
        from registry.stores import notes_of

        return notes_of(self.home)

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a local model's revision by commit, branch or tag."""
        return self.catalogue.find(name, revision)

    def folder(self, model: Model) -> Path:
        """Lay the revision out as a folder, once, and return it; raises `ZooError` where a file is damaged."""
        from registry.checkouts import checkout
        from registry.damage import explained

        with explained(self, model):
            return checkout(self.store, model.card.files, self.home.checkouts / model.revision, self.workspaces)

    def lay(self, model: Model, folder: Path) -> None:
        """Put the revision's files into a folder, after a look at every byte; raises `ZooError` where one is damaged.

        They are taken from where they are stored: what was laid out before may have been changed since.
        """
        from registry.checkouts import lay
        from registry.damage import explained

        with explained(self, model):
            for file in model.card.files:
                lay(self.store, file, folder / file.path)

    def zoo_json(self, model: Model) -> bytes:
        """Return the text that the revision is the sha256 of; raises `ZooError` where nothing has it any more."""
        from registry.damage import card_text

        return card_text(self, model)

    def signature(self, model: Model) -> bytes | None:
        """Return the newest of a revision's detached signatures, or None."""
        signatures = self.catalogue.signatures(model.name, model.revision)
        if not signatures:
            return None
        with self.notes.open(signatures[-1]) as reader:
            return reader.read()

    def publish(self, card: Card, folder: Path, spot: Spot) -> Model:
        """Store a folder's files and commit them, all or nothing.

        Args:
            card: the revision; its `files` are filled in here.
            folder: all files below it become part of the revision, but for a `zoo.json` and a `model.sig`.
            spot: where it goes.

        Raises:
            ZooError: the name is taken and `spot.update` is false; or the store cannot be written.
        """

        def store() -> bytes:
            files = tuple(self._put(folder, path) for path in paths_of(folder))
            return encode(replace(card, files=files))

        return self._enter(store, folder, spot)

    def adopt(self, zoo_json: bytes, folder: Path, spot: Spot) -> Model:
        """Store and commit a revision that was made elsewhere, under its own `zoo.json`, unchanged.

        Raises:
            ZooError: as `publish`; or a file of the folder is not what the card says.
        """

        def store() -> bytes:
            self.hold(zoo_json, folder, spot.name)
            return zoo_json

        return self._enter(store, folder, spot)

    def hold(self, zoo_json: bytes, folder: Path, name: str) -> None:
        """Store a card and the files of a folder that it lists, and commit nothing.

        Raises:
            ZooError: a file is not what the card says; or the store cannot be written.
        """
        with self._storing(name):
            self.store.put_bytes(zoo_json)
            for file in decode(zoo_json).files:
                _check(file, self._put(folder, file.path))

    def tag(self, model: Model, label: str, *, move: bool = False) -> None:
        """Give a revision a tag; raises `ZooError` where the tag names another, unless it may be moved."""
        from registry import manifest

        note = manifest.encode(
            manifest.Manifest("tag", model.name, model.revision, time.time(), tag=label, catalogue=self.home.identity)
        )
        with self._storing(model.name), self._noted(note) as blob:
            self.catalogue.tag(model.name, label, model.revision, move=move, manifest=blob.sha256)
            self.notes.put_bytes(note)  # once more: before the row was there, another process may have collected it

    def sign(self, model: Model, signature: bytes) -> None:
        """Keep a detached signature with its revision."""
        with self._storing(model.name):
            self.catalogue.sign(model.name, model.revision, self.notes.put_bytes(signature).sha256)
            self.notes.put_bytes(signature)

    @contextmanager
    def _storing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ZooError(
                f"cannot store {name} in {self.store.where}: {error.strerror or error}",
                "free some space, or set ZOO_HOME to a folder that you can write to",
            ) from error

    def _put(self, folder: Path, path: str) -> FileEntry:
        blob = self.store.put(folder / path)
        return FileEntry(path, blob.bytes, blob.sha256)

    def _enter(self, store: Callable[[], bytes], folder: Path, spot: Spot) -> Model:
        """Store and commit; where another process collects some of the bytes in between, do both under its lock."""
        from registry.damage import tidy

        self.workspaces.sweep()
        with self._storing(spot.name):
            self.store.join(self.home.identity)
            try:
                model = self._commit(store(), folder, spot)
            except GoneError:
                with self.catalogue.exclusive():
                    model = self._commit(store(), folder, spot)
            tidy(self, model)
            if spot.tag:
                self.tag(model, spot.tag)
            return model

    def _commit(self, zoo_json: bytes, folder: Path, spot: Spot) -> Model:
        from registry import manifest
        from registry.blobs import Blob

        text, created = self.store.put_bytes(zoo_json), time.time()
        note = manifest.Manifest(
            "commit", spot.name, text.sha256, created, spot.branch, spot.origin, catalogue=self.home.identity
        )
        with self._noted(manifest.encode(note)) as blob:
            return self.catalogue.commit(
                decode(zoo_json), zoo_json=zoo_json, name=spot.name, branch=spot.branch, update=spot.update,
                origin=spot.origin, text=_readme(folder), manifest=blob.sha256, created=created,
                stored=lambda files: self._check_stored(blob, (text, *(Blob(one.sha256, one.bytes) for one in files))),
            )  # fmt: skip

    @contextmanager
    def _noted(self, note: bytes) -> Iterator[Blob]:
        """Store a manifest; take it back where what it says is refused, or a catalogue made anew would hold that."""
        blob = self.notes.put_bytes(note)
        try:
            yield blob
        except ZooError:
            self.notes.delete(blob.sha256)
            raise

    def _check_stored(self, note: Blob, blobs: Iterable[Blob]) -> None:
        wanted = [(self.notes, note), *((self.store, blob) for blob in blobs)]
        for store, blob in wanted:
            if store.size(blob.sha256) != blob.bytes:
                raise GoneError(f"{blob.sha256} is gone from {store.where} as soon as it is stored")


def _check(expected: FileEntry, got: FileEntry) -> None:
    if got != expected:
        raise ZooError(
            f"{expected.path} is not what its card says: expected sha256 {expected.sha256} and {expected.bytes} bytes, "
            f"got {got.sha256} and {got.bytes}"
        )


class GoneError(ZooError):
    """A blob was collected between its storing and its commit."""


def paths_of(folder: Path) -> list[str]:
    """Return the files below a folder that a card lists: all but the card and its signature."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if path not in (CARD_FILE, SIGNATURE_FILE))


def _readme(folder: Path) -> str:
    path = folder / "README.md"
    return path.read_text(encoding="utf-8", errors="replace")[:MAX_TEXT] if path.is_file() else ""
