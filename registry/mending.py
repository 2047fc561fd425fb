"""What was damaged, whole again: files from where they were published, notes from the catalogue."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.damage import card_text, tidy
from registry.manifest import Manifest, encode
from registry.model import Model
from registry.rebuild import enter

if TYPE_CHECKING:
    from registry.sources.local import Local


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
