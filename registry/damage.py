"""Damaged bytes of a revision: whose they are, how they are had again, and what has them as well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from registry.card import MAX_CARD_BYTES
from registry.checkouts import damaged, drop
from registry.errors import DamagedError, ZooError
from registry.home import Home
from registry.model import Model

if TYPE_CHECKING:
    from registry.blobs import Store
    from registry.catalogue import Catalogue
    from registry.workspace import Workspaces


class Kept(Protocol):
    """Where revisions are kept: `registry.sources.local.Local`, as far as this module looks."""

    home: Home

    @property
    def catalogue(self) -> Catalogue:
        """The database of revisions."""
        ...

    @property
    def store(self) -> Store:
        """The files' bytes."""
        ...

    @property
    def workspaces(self) -> Workspaces:
        """Where work lies that is not finished."""
        ...


def remedy(local: Kept, model: Model) -> str:
    """Say how the damaged bytes of a revision are had again, as far as the catalogue knows where there are others."""
    if model.origin:
        return f"zoo pull {model.origin} --as {model.name} restores it"
    run, newest = model.card.lineage.run if model.card.lineage else "", local.catalogue.find(model.name)
    if run and newest and newest.revision == model.revision and (local.home.runs / run).is_dir():
        return f"zoo publish {run} --as {model.name} --update restores it"
    return f"zoo pull REF --as {model.name} restores it from where it was published; zoo rm {model.ref} gives it up"


@contextmanager
def explained(local: Kept, model: Model) -> Iterator[None]:
    """Say of damaged bytes whose they are, and how they are had again."""
    try:
        yield
    except DamagedError as error:
        raise ZooError(f"{model.ref}: {error.message}", remedy(local, model)) from error


def card_text(local: Kept, model: Model) -> bytes:
    """Return the text of a revision's card: the catalogue has it as well, where what is stored is damaged.

    Raises:
        ZooError: neither is what it was.
    """
    text = stored_card(local, model) or local.catalogue.zoo_json(model.name, model.revision)
    if hashlib.sha256(text).hexdigest() == model.revision:
        return text
    where = f"in {local.store.where} and in the catalogue"
    raise ZooError(f"the card of {model.ref} is damaged, {where}", remedy(local, model))


def stored_card(local: Kept, model: Model) -> bytes:
    """Return the text of a revision's card as it is stored; empty where that is gone or damaged."""
    try:
        with local.store.open(model.revision) as reader:
            text = reader.read(MAX_CARD_BYTES)
    except OSError:
        return b""
    return text if hashlib.sha256(text).hexdigest() == model.revision else b""


def tidy(local: Kept, model: Model) -> str:
    """Remove what is laid out of a revision if it is damaged, since it is laid out again at need.

    Returns:
        the path of a file that was damaged; empty where none was.
    """
    folder = local.home.checkouts / model.revision
    bad = damaged(local.store, model.card.files, folder)
    if not bad:
        return ""
    drop(folder, local.workspaces)
    return str(folder / bad[0])
