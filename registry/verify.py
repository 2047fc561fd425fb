"""Whether what is stored is what the cards say: every byte of every file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from registry.blobs import Store, entry_of, sha256_of
from registry.card import FileEntry
from registry.model import Model
from registry.shelf import Shelf
from registry.sources.local import Local
from registry.sources.shipped import Shipped

AGAIN = "publish or pull it again"


def damage(shelf: Shelf, model: Model) -> list[str]:
    """Read a revision's card, files and signatures in full; return what is wrong, in words."""
    if model.source == shelf.shipped.name:
        return list(_of_shipped(shelf.shipped, model))
    return list(_of_local(shelf.local, model))


def _of_shipped(shipped: Shipped, model: Model) -> Iterator[str]:
    folder = shipped.root / model.name
    for file in model.card.files:
        if not (folder / file.path).is_file():
            yield f"{file.path} is missing: install the package again"
        elif entry_of(folder, file.path) != file:
            yield f"{file.path} is not what the card says: install the package again"


def _of_local(local: Local, model: Model) -> Iterator[str]:
    yield from _of_blob(local.store, "zoo.json", model.revision)
    for file in model.card.files:
        yield from _of_blob(local.store, file.path, file.sha256)
        yield from _of_copy(local, local.home.checkouts / model.revision, file)
    for sha256 in local.catalogue.signatures(model.name, model.revision):
        yield from _of_blob(local.notes, "model.sig", sha256)
    for sha256 in local.catalogue.manifests(model.name, model.revision):
        yield from _of_blob(local.notes, "its manifest", sha256)


def _of_blob(store: Store, path: str, sha256: str) -> Iterator[str]:
    try:
        with store.open(sha256) as reader:
            got = sha256_of(reader)
    except FileNotFoundError:
        yield f"{path} is missing: expected sha256 {sha256} in {store.where}; {AGAIN}"
    except OSError as error:
        yield f"{path} cannot be read: {error}"
    else:
        if got != sha256:
            yield f"{path} is damaged: expected sha256 {sha256}, got {got}; {AGAIN}"


def _of_copy(local: Local, checkout: Path, file: FileEntry) -> Iterator[str]:
    """Look at the laid-out copy, where there is one that is no hard link to the blob, which was read already."""
    path, blob = checkout / file.path, local.copies.path(file.sha256)
    if not checkout.is_dir() or (path.is_file() and blob.is_file() and path.samefile(blob)):
        return
    if not path.is_file() or entry_of(checkout, file.path) != file:
        yield f"{path} is damaged: remove the folder {checkout}, it is laid out again at need"
