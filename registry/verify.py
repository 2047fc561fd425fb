"""Whether what is stored is what the cards say: every byte of every file."""

from __future__ import annotations

from collections.abc import Iterator

from registry.blobs import Store, entry_of, sha256_of
from registry.damage import card_text, remedy, tidy
from registry.errors import ZooError
from registry.mending import renote
from registry.model import Model
from registry.shelf import Shelf
from registry.sources.local import Local
from registry.sources.shipped import Shipped

WRITTEN = "it was written again from the catalogue"


def damage(shelf: Shelf, model: Model) -> list[str]:
    """Read a revision's card, files and signatures in full; return what is wrong, in words.

    What can be had again from what is here is: a laid-out folder from the files, a card or note from the catalogue.
    """
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


def is_whole(local: Local, model: Model, *, signed: bool = False) -> bool:
    """Say whether a revision's card and files, and its signatures if asked, are stored as they were; change nothing."""
    blobs = [(local.store, model.revision), *((local.store, file.sha256) for file in model.card.files)]
    if signed:
        blobs += [(local.notes, sha256) for sha256 in local.catalogue.signatures(model.name, model.revision)]
    return not any(problem for store, sha256 in blobs for problem in _of_blob(store, "", sha256))


def _of_local(local: Local, model: Model) -> Iterator[str]:
    yield from (f"{one}; {_again_card(local, model)}" for one in _of_blob(local.store, "zoo.json", model.revision))
    for file in model.card.files:
        yield from (f"{one}; {remedy(local, model)}" for one in _of_blob(local.store, file.path, file.sha256))
    yield from _of_copies(local, model)
    for sha256 in local.catalogue.signatures(model.name, model.revision):
        yield from (f"{one}; {_again_signed(local, model)}" for one in _of_blob(local.notes, "model.sig", sha256))
    for sha256 in local.catalogue.manifests(model.name, model.revision):
        yield from (f"{one}; {_again_noted(local, model)}" for one in _of_blob(local.notes, "its manifest", sha256))


def _of_blob(store: Store, path: str, sha256: str) -> Iterator[str]:
    try:
        with store.open(sha256) as reader:
            got = sha256_of(reader)
    except FileNotFoundError:
        yield f"{path} is missing: expected sha256 {sha256} in {store.where}"
    except OSError as error:
        yield f"{path} cannot be read: {error}"
    else:
        if got != sha256:
            yield f"{path} is damaged: expected sha256 {sha256}, got {got}"


def _of_copies(local: Local, model: Model) -> Iterator[str]:
    """Look at the laid-out files that are no hard links to blobs, which were read already."""
    try:
        if path := tidy(local, model):
            yield f"{path} was damaged: its folder was removed, and is laid out again at need"
    except (OSError, ZooError) as error:
        folder = local.home.checkouts / model.revision
        yield f"{folder} is damaged and cannot be removed: {error}; remove it, it is laid out again at need"


def _again_card(local: Local, model: Model) -> str:
    """Write a card again, where the catalogue has its text; say what was done, or is to be done."""
    try:
        local.store.put_bytes(card_text(local, model))
    except (OSError, ZooError):
        return remedy(local, model)
    return WRITTEN


def _again_noted(local: Local, model: Model) -> str:
    """Write the notes of a revision again; say what was done, or is to be done."""
    try:
        done = renote(local, model)
    except (OSError, ZooError) as error:
        return f"it cannot be written again: {error}"
    return WRITTEN if done else f"zoo publish {model.ref} --branch NAME writes it again"


def _again_signed(local: Local, model: Model) -> str:
    return remedy(local, model) if model.origin else f"zoo publish {model.ref} --sign KEY signs it again"
