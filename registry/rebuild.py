"""The catalogue made anew from the stored files: from the notes of commits, tags and signatures, and the cards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from registry import manifest
from registry.blobs import Blob, Store, link
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
        else:
            path.unlink(missing_ok=True)  # nothing was found, and no catalogue is one without models
    return _fill(local, Catalogue(path), old)  # again: with what was published meanwhile


def _fill(local: Local, catalogue: Catalogue, old: Path | None) -> Rebuilt:
    """Enter everything that the notes say; what is entered already stays as it is."""
    stock = _scan(local)
    lost = list(stock.damaged)
    commits, tags = 0, 0
    for sha256, note in sorted(stock.notes.items(), key=lambda pair: pair[1].created):
        text = _read(local.store, note.revision)
        try:
            if text is None:
                lost.append(f"{note.name}@{note.revision[:12]}: its card is gone or damaged")
            elif note.kind == "commit":
                enter(local, catalogue, note, sha256, text)
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


def enter(local: Local, catalogue: Catalogue, note: Manifest, sha256: str, text: bytes) -> None:
    """Commit what a note says, with the card's text; a revision that is there already is named by the branch again."""
    card = decode(text)
    catalogue.commit(
        card, zoo_json=text, name=note.name, branch=note.branch, update=True, origin=note.origin,
        text=_readme(local, card), manifest=sha256, created=note.created,
    )  # fmt: skip


def _scan(local: Local) -> Stock:
    stock, noted = Stock(), set()
    for blob in local.notes.all():
        text = _read(local.notes, blob.sha256)
        if text is None:
            stock.damaged.append(f"a note, {blob.sha256}: its bytes are damaged")
        elif note := manifest.decode(text):
            noted.add(note.revision)
            if note.catalogue in ("", local.home.identity):
                stock.notes[blob.sha256] = note
        elif signed := revision_signed(text):
            stock.signatures.append((signed, blob.sha256))
    if not local.home.blobs_url:  # schema 1 knew none
        stock.notes |= _of_schema_1(local, noted)
    return stock


def _of_schema_1(local: Local, noted: set[str]) -> dict[str, Manifest]:
    """Write the notes that schema 1 did not: for cards without one, under their own names.

    A model's own JSON file is no card, whatever it looks like.
    """
    cards = {revision: decode(text) for revision in noted if (text := _read(local.store, revision))}
    for blob in local.store.all():
        if blob.sha256 not in cards and (text := _object(local.store, blob)):
            try:
                cards[blob.sha256] = decode(text)
            except ZooError:
                continue  # a JSON file of another kind
    files = {file.sha256 for card in cards.values() for file in card.files}
    made = {}
    for revision in cards.keys() - noted - files:
        note = Manifest("commit", cards[revision].name, revision, 0.0, catalogue=local.home.identity)
        made[local.notes.put_bytes(manifest.encode(note)).sha256] = note
    return made


def _object(store: Store, blob: Blob) -> bytes | None:
    """Return a blob's bytes if it may be a card; of others no more than one byte is read."""
    if blob.bytes > MAX_CARD_BYTES:
        return None
    with store.open(blob.sha256) as reader:
        head = reader.read(1)
    return _read(store, blob.sha256) if head == b"{" else None


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


def aside_of(path: Path) -> Path:
    """Return the name under which a catalogue's file would be kept: the first that is free."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    return aside


def _set_aside(path: Path) -> Path | None:
    """Keep the old file under another name; it stays under its own, too, until the new one takes its place."""
    if not path.exists():
        return None
    aside = aside_of(path)
    link(path, aside)
    for end in ("-wal", "-shm"):
        journal = path.with_name(path.name + end)
        if journal.exists():
            journal.replace(aside.with_name(aside.name + end))
    return aside
