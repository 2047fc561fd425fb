"""Folders and files on this machine and at fsspec's URLs (`file:./dir`, `s3://bucket/dir`): as they are, or published.

A folder that `push` has written has revisions (`registry/sources/folder/published.py`). Any other folder, or a single
file, is taken as it is now, and its reference stays without a revision.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from registry.card import CARD_FILE, MAX_CARD_BYTES, Card, decode
from registry.errors import ZooError, near
from registry.places import Place, open_place
from registry.ref import MAIN, MAX_NAME, Ref, check_label
from registry.sources.folder.published import Published, with_digests
from registry.sources.parts import take
from registry.sources.remote import Found, Listing, Pushed, RemoteFile
from registry.watch import Watch


class Files:
    """Pulls, publishes and searches models in folders."""

    def resolve(self, ref: Ref) -> Listing:
        """List a file, a folder as it is, or a published revision: `@label`, `@revision`, or the newest of `main`."""
        ref, place, revision = _opened(ref)
        kind = place.kind()
        if kind == "directory" and (published := Published(place)).is_there():
            return _revision(ref, published, published.find(revision))
        if not kind:
            raise _nothing(place)
        if revision:
            raise ZooError(f"{place.url} has no revisions, so none is named {revision!r}", f"try {ref}")
        name = slug(place.url.rpartition("/")[2])
        if kind == "file":
            path = place.url.rpartition("/")[2]
            return Listing(ref, slug(PurePosixPath(path).stem), (RemoteFile(path, place.size()),))
        return _folder(ref, place, name)

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Copy files; half ones are continued, and those without a digest are copied again if they changed since."""
        _, place, revision = _opened(listing.ref)
        if revision:
            place = place.below(revision)
        elif place.kind() == "file":
            place = place.above()
        for file in files:
            copy = into / file.path
            if not file.digest and copy.is_file() and place.below(file.path).modified() > copy.stat().st_mtime:
                copy.unlink()

        def blocks(file: RemoteFile, start: int) -> Iterator[bytes]:
            return place.below(file.path).blocks(start, file.bytes or 0)

        take(files, into, watch, blocks)

    def push(
        self, folder: Path, card: Card, ref: Ref, *, tag: str | None = None, private: bool = False, watch: Watch
    ) -> Pushed:
        """Publish a folder as a revision, then let the branch and the tag name it.

        Who may read a place is its owner's business, so `private` changes nothing.
        """
        ref, place, branch = _opened(ref)
        labels = [check_label(branch or MAIN), *([check_label(tag)] if tag else [])]
        published = Published(place)
        published.check_free(hashlib.sha256((folder / CARD_FILE).read_bytes()).hexdigest(), tag)
        revision = published.put(folder, watch)
        for label in reversed(labels):
            published.label(label, revision)
        pinned = _pinned(ref, revision)
        return Pushed(pinned, str(pinned))

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """Return the published models in a folder and in the folders in it; `place` is a path or URL."""
        if not place:
            raise ZooError("a search in files needs a place", "zoo search WORD --in s3://bucket/models")
        ref, root, _ = _opened(Ref.parse(place if re.match(r"file:|\w+://", place) else f"file:{place}"))
        words = query.lower().split()
        mains = sorted(root.matching(f"*/refs/{MAIN}") + root.matching(f"*/*/refs/{MAIN}"))
        names = [path.removesuffix(f"/refs/{MAIN}") for path in mains]
        fitting = [name for name in names if all(word in name.lower() for word in words)]
        return [
            _found(replace(ref, name=f"{ref.name}/{name}"), Published(root.below(name))) for name in fitting[:limit]
        ]


def slug(text: str) -> str:
    """Make a name for the catalogue of any text.

    >>> slug("My model (final)"), slug("...")
    ('My-model-final', 'model')
    """
    plain = re.sub(r"[^A-Za-z0-9._]+|\.{2,}|-{2,}", "-", text).removesuffix(".git")
    return re.sub(r"-{2,}", "-", plain)[:MAX_NAME].strip("-._") or "model"


def _opened(ref: Ref) -> tuple[Ref, Place, str | None]:
    """Return the reference without its revision and with an absolute path, the place, and the revision.

    The grammar gives paths no revision, for `@` may be part of one. So a path that is not there, and has an `@` in its
    last part, is read as a place and a revision.
    """
    if ref.source != "file":
        plain = replace(ref, revision=None, name=ref.name.rstrip("/"))
        return plain, open_place(f"{ref.source}://{plain.name}"), ref.revision
    given, revision = Path(ref.name).expanduser(), ref.revision
    path = given.parent.resolve() / given.name if given.name not in ("", "..") else given.resolve()
    if revision is None and "@" in path.name and not path.exists():
        name, _, revision = path.name.rpartition("@")
        path = path.with_name(name)
    return Ref(str(path), None, "file"), open_place(f"file:{path}"), revision


def _pinned(ref: Ref, revision: str) -> Ref:
    return replace(ref, name=f"{ref.name}@{revision}") if ref.source == "file" else ref.at(revision)


def _revision(ref: Ref, published: Published, revision: str) -> Listing:
    card = published.card(revision)
    files = published.files(revision, card)
    return _described(Listing(_pinned(ref, revision), slug(ref.name.rpartition("/")[2]), files), card)


def _folder(ref: Ref, place: Place, name: str) -> Listing:
    sizes = place.files()
    if not sizes:
        raise ZooError(f"{place.url} has no files", "name a folder with a model's files")
    if CARD_FILE not in sizes:
        return Listing(ref, name, tuple(RemoteFile(path, size) for path, size in sizes.items()))
    content = place.below(CARD_FILE).read(MAX_CARD_BYTES)
    card = decode(content, place.below(CARD_FILE).url)
    return _described(Listing(ref, name, with_digests(sizes, card, hashlib.sha256(content).hexdigest())), card)


def _described(listing: Listing, card: Card) -> Listing:
    return replace(listing, task=card.task, license=card.license, summary=card.summary, tags=card.tags)


def _found(ref: Ref, published: Published) -> Found:
    revision = published.find(None)
    card = published.card(revision)
    return Found(
        str(ref), revision, ref.source, card.task, card.parameters or None, card.bytes, card.tags, license=card.license
    )  # fmt: skip


def _nothing(place: Place) -> ZooError:
    try:
        siblings = [name for name in place.above().children() if not name.startswith(".")]
    except ZooError:
        siblings = []
    hint = near(place.url.rpartition("/")[2], siblings) if siblings else "check the address"
    return ZooError(f"there is nothing at {place.url}", hint)
