"""What a remote source can do, and the values that it gives and takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from registry.card import Card
from registry.ref import Ref
from registry.watch import Watch


@dataclass(frozen=True)
class RemoteFile:
    """A file that a source offers.

    Attributes:
        path: relative to the model.
        bytes: its size; None where the source does not say.
        digest: what its content must hash to, `sha256:<hex>`, `git-sha1:<hex>` (a git blob's name) or `md5:<hex>`;
            empty where the source does not say.
        archive: whether it is a tar or zip file whose members are the model's files.
    """

    path: str
    bytes: int | None = None
    digest: str = ""
    archive: bool = False


@dataclass(frozen=True)
class Listing:
    """What a reference stood for when it was resolved.

    Attributes:
        ref: the reference with the exact commit, version or digest that it names now.
        name: a name for the model in the catalogue.
        files: all of the model, also what one would not take.
        task, license, summary, tags: what the source says of it; empty where it says nothing.
    """

    ref: Ref
    name: str
    files: tuple[RemoteFile, ...]
    task: str = ""
    license: str = ""
    summary: str = ""
    tags: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Found:
    """One line of `zoo search`; what a source does not tell is None or empty.

    Attributes:
        name: the reference to pull it by.
        revision: its newest commit or version.
        source: the source's scheme.
        task: a Hugging Face pipeline tag.
        parameters: how many numbers it holds.
        bytes: the size of its files.
        tags: words.
        downloads: as the source counts them.
        updated: the day of the last change, `2026-11-25`.
        license: an SPDX identifier, mostly.
    """

    name: str
    revision: str = ""
    source: str = ""
    task: str = ""
    parameters: int | None = None
    bytes: int | None = None
    tags: tuple[str, ...] = ()
    downloads: int | None = None
    updated: str = ""
    license: str = ""


@dataclass(frozen=True)
class Pushed:
    """Where a published revision lies now: its pinned reference, and an address for people."""

    ref: Ref
    url: str


class Remote(Protocol):
    """A place outside this machine that models are pulled from.

    Made without arguments; entry points of the group `zoo.sources` name one class a scheme.
    """

    def resolve(self, ref: Ref) -> Listing:
        """Find out what a reference stands for.

        Raises:
            ZooError: it is unknown, moved, private or gated, or the source cannot be reached; with the source's reason.
        """
        ...

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download some of a listing's files into a folder, under their own paths.

        What an interrupted call has left in the folder is gone on with: a file that is there in full is kept, and a
        half one is continued where the source can. A file appears under its own path only when it is complete. The
        caller checks digests.

        Args:
            listing: from `resolve`.
            files: those of `listing.files` to take.
            into: an existing folder that belongs to this listing alone.
            watch: called with the stage `download`, bytes done and bytes in all, and the file's path as the note.

        Raises:
            ZooError: the connection broke, or the source refuses.
        """
        ...


@runtime_checkable
class Searchable(Protocol):
    """A source that can be searched."""

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """Return at most `limit` models that fit the words, the most used first.

        Args:
            query: words; empty for all.
            limit: at least 1.
            place: the host of a hub's address, with its port; empty for the source's own.
        """
        ...


@runtime_checkable
class Destination(Protocol):
    """A source that models can be published to."""

    def push(
        self, folder: Path, card: Card, ref: Ref, *, tag: str | None = None, private: bool = False, watch: Watch
    ) -> Pushed:
        """Publish all files below a folder as one revision, which appears whole or not at all.

        Args:
            folder: `zoo.json`, `README.md`, the card's files and perhaps `model.sig`.
            card: the decoded `zoo.json`.
            ref: where to; its revision, if any, is a branch.
            tag: another name for the revision.
            private: hide a repo that is made by this from others, where the destination can.
            watch: called with the stage `upload`.

        Raises:
            ZooError: the destination refuses or cannot be reached; nothing of the revision is visible then.
        """
        ...
