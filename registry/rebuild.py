"""The catalogue made anew from the stored files: every card, manifest and signature is a blob."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from registry import manifest
from registry.blobs import Blob
from registry.card import MAX_CARD_BYTES, decode
from registry.catalogue import Catalogue
from registry.errors import ZooError
from registry.manifest import Manifest
from registry.signatures import revision_signed
from registry.sources.local import Local


@dataclass
class Stock:
    """What the blobs hold: cards by revision, the notes of commits and tags, and signatures by revision."""

    cards: dict[str, bytes] = field(default_factory=dict)
    notes: dict[str, Manifest] = field(default_factory=dict)
    signatures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Rebuilt:
    """How many revisions and tags the new catalogue has, what could not be had again, and where the old one lies."""

    revisions: int
    tags: int
    lost: tuple[str, ...]
    old: Path | None


def rebuild(local: Local) -> Rebuilt:
    """Make the catalogue anew from blobs; the old file is kept beside the new one.

    Raises:
        ZooError: a database server's catalogue is not empty.
    """
    found = _scan(local)
    path = local.home.catalogue
    if isinstance(path, str):
        if local.catalogue.count():
            raise ZooError("the catalogue on the database server is not empty", "empty the database first")
        return _fill(local.catalogue, found, None)
    with local.workspaces.new() as folder:
        new = folder / path.name
        done = _fill(Catalogue(new), found, _aside(path))
        if done.old:
            _move(path, done.old)
        if new.exists():
            new.replace(path)
    return done


def _scan(local: Local) -> Stock:
    found = Stock()
    for blob in local.store.all():
        if text := _json(local, blob):
            _sort_in(found, blob.sha256, text)
    return found


def _json(local: Local, blob: Blob) -> bytes:
    if blob.bytes > MAX_CARD_BYTES:
        return b""
    with local.store.open(blob.sha256) as reader:
        head = reader.read(1)
        return head + reader.read() if head == b"{" else b""


def _sort_in(found: Stock, sha256: str, text: bytes) -> None:
    if note := manifest.decode(text):
        found.notes[sha256] = note
    elif signed := revision_signed(text):
        found.signatures.append((signed, sha256))
    else:
        try:
            decode(text)
        except ZooError:
            return  # some model's JSON file
        found.cards[sha256] = text


def _fill(catalogue: Catalogue, found: Stock, old: Path | None) -> Rebuilt:
    commits = sorted(_commits(found), key=lambda pair: pair[1].created)
    lost = [
        f"{note.name}@{note.revision[:12]}: its card is gone" for _, note in commits if note.revision not in found.cards
    ]
    kept = [(sha256, note) for sha256, note in commits if note.revision in found.cards]
    for sha256, note in kept:
        text = found.cards[note.revision]
        catalogue.commit(
            decode(text), zoo_json=text, name=note.name, branch=note.branch, update=True, origin=note.origin,
            manifest=sha256, created=note.created,
        )  # fmt: skip
    tags = [(sha256, note) for sha256, note in found.notes.items() if note.kind == "tag"]
    for sha256, note in sorted(tags, key=lambda pair: pair[1].created):
        if catalogue.find(note.name, note.revision):
            catalogue.tag(note.name, note.tag, note.revision, move=True, manifest=sha256)
    for revision, sha256 in found.signatures:
        for model in catalogue.by_revision(revision):
            catalogue.sign(model.name, revision, sha256)
    return Rebuilt(len(kept), len(tags), tuple(lost), old)


def _commits(found: Stock) -> Iterator[tuple[str, Manifest]]:
    """Return the notes of commits; a card without one (schema 1 wrote none) counts under its own name."""
    noted = set()
    for sha256, note in found.notes.items():
        if note.kind == "commit":
            noted.add(note.revision)
            yield sha256, note
    for revision, text in found.cards.items():
        if revision not in noted:
            yield "", Manifest("commit", decode(text).name, revision, 0.0)


def _aside(path: Path) -> Path | None:
    """Choose a name for the old file; None where there is none."""
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    return aside


def _move(path: Path, aside: Path) -> None:
    for end in ("-wal", "-shm"):
        journal = path.with_name(path.name + end)
        if journal.exists():
            journal.replace(aside.with_name(aside.name + end))
    path.replace(aside)
