"""The catalogue made anew from the stored files: from the notes of commits, tags and signatures, and the cards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from registry import manifest
from registry.blobs import Store, link
from registry.card import MAX_CARD_BYTES, Card, decode
from registry.catalogue import Catalogue
from registry.errors import ZooError
from registry.manifest import Manifest
from registry.signatures import revision_signed
from registry.sources.local import MAX_TEXT, Local


@dataclass
class Stock:
    """What the notes hold: manifests by their sha256, signatures with what they sign, and what is damaged."""

    notes: dict[str, Manifest] = field(default_factory=dict)
    signatures: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rebuilt:
    """How many revisions and tags the new catalogue has, what could not be had again, and where the old one lies."""

    revisions: int
    tags: int
    lost: tuple[str, ...]
    old: Path | None


def rebuild(local: Local) -> Rebuilt:
    """Make the catalogue anew from notes and cards; the old file is kept beside the new one.

    Raises:
        ZooError: a database server's catalogue is not empty.
    """
    path = local.home.catalogue
    if isinstance(path, str):
        if local.catalogue.count():
            raise ZooError("the catalogue on the database server is not empty", "empty the database first")
        return _fill(local, local.catalogue, None)
    with local.workspaces.new() as folder:
        new = folder / path.name
        _fill(local, Catalogue(new), None)
        old = _set_aside(path)
        if new.exists():
            new.replace(path)
    return _fill(local, Catalogue(path), old)  # again: with what was published meanwhile


def _fill(local: Local, catalogue: Catalogue, old: Path | None) -> Rebuilt:
    """Enter everything that the notes say; what is entered already stays as it is."""
    stock = _scan(local)
    lost = list(stock.damaged)
    commits, tags = 0, 0
    for sha256, note in sorted(stock.notes.items(), key=lambda pair: pair[1].created):
        text = _card(local, note.revision)
        try:
            if text is None:
                lost.append(f"{note.name}@{note.revision[:12]}: its card is gone or damaged")
            elif note.kind == "commit":
                _commit(local, catalogue, note, sha256, text)
                commits += 1
            elif catalogue.find(note.name, note.revision):
                catalogue.tag(note.name, note.tag, note.revision, move=True, manifest=sha256)
                tags += 1
        except ZooError as error:
            lost.append(f"{note.name}@{note.revision[:12]}: {error.message}")
    for revision, sha256 in stock.signatures:
        for model in catalogue.by_revision(revision):
            catalogue.sign(model.name, revision, sha256)
    return Rebuilt(commits, tags, tuple(dict.fromkeys(lost)), old)


def _commit(local: Local, catalogue: Catalogue, note: Manifest, sha256: str, text: bytes) -> None:
    card = decode(text)
    catalogue.commit(
        card, zoo_json=text, name=note.name, branch=note.branch, update=True, origin=note.origin,
        text=_readme(local, card), manifest=sha256, created=note.created,
    )  # fmt: skip


def _scan(local: Local) -> Stock:
    stock = Stock()
    for blob in local.notes.all():
        text = _read(local.notes, blob.sha256)
        if text is None:
            stock.damaged.append(f"a note, {blob.sha256}: its bytes are damaged")
        elif note := manifest.decode(text):
            if note.catalogue in ("", local.home.identity):
                stock.notes[blob.sha256] = note
        elif signed := revision_signed(text):
            stock.signatures.append((signed, blob.sha256))
    if not stock.notes and not stock.damaged:
        stock.notes = dict(_of_schema_1(local))
    return stock


def _of_schema_1(local: Local) -> Iterator[tuple[str, Manifest]]:
    """Take cards under their own names where there are no notes at all: schema 1 wrote none."""
    for blob in local.store.all():
        if blob.bytes <= MAX_CARD_BYTES and (text := _read(local.store, blob.sha256)) and text.startswith(b"{"):
            try:
                yield f"card {blob.sha256}", Manifest("commit", decode(text).name, blob.sha256, 0.0)
            except ZooError:
                continue  # some model's JSON file


def _card(local: Local, revision: str) -> bytes | None:
    return _read(local.store, revision)


def _readme(local: Local, card: Card) -> str:
    sha256 = next((file.sha256 for file in card.files if file.path == "README.md"), "")
    return ((_read(local.store, sha256) if sha256 else None) or b"").decode("utf-8", "replace")[:MAX_TEXT]


def _read(store: Store, sha256: str) -> bytes | None:
    """Return a blob's bytes; None where it is gone, or its bytes are not those that its name says."""
    try:
        with store.open(sha256) as reader:
            text = reader.read()
    except OSError:
        return None
    return text if hashlib.sha256(text).hexdigest() == sha256 else None


def _set_aside(path: Path) -> Path | None:
    """Keep the old file under another name; it stays under its own, too, until the new one takes its place."""
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    link(path, aside)
    for end in ("-wal", "-shm"):
        journal = path.with_name(path.name + end)
        if journal.exists():
            journal.replace(aside.with_name(aside.name + end))
    return aside
