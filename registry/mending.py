"""What was damaged, whole again: files from where they were published, laid-out folders from the stored files."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import MAX_CARD_BYTES
from registry.checkouts import damaged, drop
from registry.errors import DamagedError, ZooError
from registry.manifest import Manifest, encode
from registry.model import Model

if TYPE_CHECKING:
    from registry.sources.local import Local


def remedy(local: Local, model: Model) -> str:
    """Say how the damaged bytes of a revision are had again, as far as the catalogue knows where there are others."""
    if model.origin:
        return f"zoo pull {model.origin} --as {model.name} restores it"
    run, newest = model.card.lineage.run if model.card.lineage else "", local.find(model.name)
    if run and newest and newest.revision == model.revision and _has_run(local, run):
        return f"zoo publish {run} --as {model.name} --update restores it"
    return f"zoo pull REF --as {model.name} restores it from where it was published; zoo rm {model.ref} gives it up"


@contextmanager
def explained(local: Local, model: Model) -> Iterator[None]:
    """Say of damaged bytes whose they are, and how they are had again."""
    try:
        yield
    except DamagedError as error:
        raise ZooError(f"{model.ref}: {error.message}", remedy(local, model)) from error


def card_text(local: Local, model: Model) -> bytes:
    """Return the text of a revision's card: the catalogue has it as well, where what is stored is damaged.

    Raises:
        ZooError: neither is what it was.
    """
    text = stored_card(local, model) or local.catalogue.zoo_json(model.name, model.revision)
    if hashlib.sha256(text).hexdigest() == model.revision:
        return text
    where = f"in {local.store.where} and in the catalogue"
    raise ZooError(f"the card of {model.ref} is damaged, {where}", remedy(local, model))


def restore(local: Local, model: Model, zoo_json: bytes, folder: Path) -> None:
    """Store a revision's card and files again, out of a folder; what is undamaged is left alone, and labels stay.

    Raises:
        ZooError: a file is not what the card says, or the store cannot be written.
    """
    local.hold(zoo_json, folder, model.name)
    root = local.home.checkouts
    laid = list(root.iterdir()) if root.is_dir() else []
    for revision in laid:  # other models may have been laid out of the same damaged bytes
        for one in local.catalogue.by_revision(revision.name)[:1]:
            tidy(local, one)


def renote(local: Local, model: Model) -> bool:
    """Write the notes of a revision and of its labels again; say whether that was all of them.

    What was committed, and is on no branch any more, is none's newest: the catalogue cannot say which note it had.
    """
    from registry.rebuild import enter

    labels = [label for label in local.catalogue.labels(model.name) if label.revision == model.revision]
    branches = [label.name for label in labels if label.kind == "branch"]
    for branch in branches:
        note = Manifest("commit", model.name, model.revision, time.time(), branch, model.origin)
        text = encode(replace(note, catalogue=local.home.identity))
        enter(local, local.catalogue, note, local.notes.put_bytes(text).sha256, card_text(local, model))
    for label in labels:
        if label.kind == "tag":
            local.tag(model, label.name)
    return bool(branches)


def tidy(local: Local, model: Model) -> str:
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


def stored_card(local: Local, model: Model) -> bytes:
    """Return the text of a revision's card as it is stored; empty where that is gone or damaged."""
    try:
        with local.store.open(model.revision) as reader:
            text = reader.read(MAX_CARD_BYTES)
    except OSError:
        return b""
    return text if hashlib.sha256(text).hexdigest() == model.revision else b""


def _has_run(local: Local, run: str) -> bool:
    return (local.home.runs / run).is_dir()
