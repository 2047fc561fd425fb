"""What `push` writes to a folder at a URL, and how it is found again.

Layout, version 1::

    <place>/<revision>/...        a revision's files; `zoo.json` comes last, so a revision without it is not there
    <place>/refs/<label>          the revision that a branch (`main`) or a tag names, as text

A revision is the sha256 of its `zoo.json`, in hex.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from registry.blobs import sha256_of
from registry.card import CARD_FILE, MAX_CARD_BYTES, SHA256, Card, decode
from registry.errors import ZooError, near
from registry.places import Place
from registry.ref import LABEL, MAIN, SHORTEST
from registry.sources.remote import RemoteFile
from registry.watch import Progress, Watch

REFS = "refs"


class Published:
    """The revisions of one model at a place."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def is_there(self) -> bool:
        """Say whether something was ever published there."""
        return any(name == REFS or SHA256.fullmatch(name) for name, _ in self._folders())

    def find(self, wanted: str | None) -> str:
        """Return the revision that a label or at least its first 7 characters name; the newest of `main` for None.

        Raises:
            ZooError: there is none, or the characters fit several.
        """
        label = wanted or MAIN
        if revision := self.labelled(label):
            return revision
        known = self._revisions()
        fitting = [name for name in known if len(label) >= SHORTEST and name.startswith(label)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise ZooError(
                f"{self.place.url} has {len(fitting)} revisions that begin with {label!r}", "write more of it"
            )
        names = [*self.labels(), *(name[:12] for name in known)]
        raise ZooError(f"{self.place.url} has no revision {label!r}", near(label, names))

    def labels(self) -> list[str]:
        """Return the branches and tags."""
        children = self.place.below(REFS).children()
        return sorted(name for name, kind in children.items() if kind == "file" and LABEL.fullmatch(name))

    def labelled(self, label: str) -> str:
        """Return the revision that a branch or tag names; empty where there is none such."""
        file = self.place.below(f"{REFS}/{label}")
        if not LABEL.fullmatch(label) or not file.kind():
            return ""
        text = file.read(SHORTEST * 100).decode("ascii", errors="replace").strip()
        if not SHA256.fullmatch(text):
            raise ZooError(f"{file.url} is damaged: expected a revision, got {text[:80]!r}", "publish again")
        return text

    def card(self, revision: str) -> Card:
        """Return a revision's card, checked by the revision's name."""
        file = self.place.below(f"{revision}/{CARD_FILE}")
        content = file.read(MAX_CARD_BYTES)
        if (got := hashlib.sha256(content).hexdigest()) != revision:
            raise ZooError(f"{file.url} is damaged: expected sha256 {revision}, got {got}", "publish it again")
        return decode(content, file.url)

    def files(self, revision: str, card: Card) -> tuple[RemoteFile, ...]:
        """List a revision's files, with the digests that its card tells.

        Raises:
            ZooError: a file that the card names is not there.
        """
        files = with_digests(self.place.below(revision).files(), card, revision)
        if missing := {entry.path for entry in card.files} - {file.path for file in files}:
            raise ZooError(
                f"{self.place.below(revision).url} has lost {', '.join(sorted(missing))}", "publish it again"
            )
        return files

    def check_free(self, revision: str, tag: str | None) -> None:
        """Refuse to publish into a folder of something else, or under a tag that names another revision."""
        others = [name for name, kind in self.place.children().items() if not _is_ours(name, kind)]
        if others:
            raise ZooError(
                f"{self.place.url} holds other files ({', '.join(sorted(others)[:3])})",
                "publish to a folder of its own",
            )
        taken = self.labelled(tag) if tag else ""
        if taken not in ("", revision):
            raise ZooError(f"the tag {tag!r} of {self.place.url} is taken by revision {taken[:12]}", "take another tag")

    def put(self, folder: Path, watch: Watch) -> str:
        """Upload a revision; return its name. Files that are there and the same are left, so that a half or damaged
        upload is completed, and a signature can follow later.
        """
        zoo_json = (folder / CARD_FILE).read_bytes()
        revision = hashlib.sha256(zoo_json).hexdigest()
        target = self.place.below(revision)
        there = target.files() if target.kind() else {}
        sizes = {
            path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()
        }
        missing = sorted(path for path in sizes if not _is_same(target, path, there.get(path), folder / path))
        progress = Progress(watch, "upload", sum(sizes[path] for path in missing))
        for path in missing:
            if path != CARD_FILE:
                target.upload(folder / path, path, progress)
        if CARD_FILE in missing:
            target.below(CARD_FILE).write(zoo_json)
            progress.add(len(zoo_json), CARD_FILE)
        return revision

    def label(self, label: str, revision: str) -> None:
        """Let a branch or tag name a revision."""
        self.place.below(f"{REFS}/{label}").write(f"{revision}\n".encode())

    def _folders(self) -> list[tuple[str, str]]:
        return [(name, kind) for name, kind in self.place.children().items() if kind == "directory"]

    def _revisions(self) -> list[str]:
        names = sorted(name for name, _ in self._folders() if SHA256.fullmatch(name))
        return [name for name in names if self.place.below(f"{name}/{CARD_FILE}").kind()]


def with_digests(sizes: dict[str, int], card: Card, revision: str) -> tuple[RemoteFile, ...]:
    """Describe files by their sizes, and by their digests where a card or its own revision tells them."""
    digests = {entry.path: f"sha256:{entry.sha256}" for entry in card.files} | {CARD_FILE: f"sha256:{revision}"}
    return tuple(RemoteFile(path, size, digests.get(path, "")) for path, size in sizes.items())


def _is_same(target: Place, path: str, size: int | None, file: Path) -> bool:
    """Compare a file that is there with one that is to go there, byte for byte by their digests."""
    if size != file.stat().st_size:
        return False
    there = hashlib.sha256()
    for block in target.below(path).blocks(0, size):
        there.update(block)
    with file.open("rb") as reader:
        return there.hexdigest() == sha256_of(reader)


def _is_ours(name: str, kind: str) -> bool:
    return kind == "directory" and (name == REFS or bool(SHA256.fullmatch(name)))
