"""From a remote reference to a folder of checked files: decide what to take, download, check, unpack."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.card import CARD_FILE
from registry.digests import ALGORITHMS, check
from registry.downloads import folder_of
from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.remote import Listing, Remote, RemoteFile
from registry.sources.table import remote
from registry.trust import check_unpacked, choose
from registry.unpack import unpack
from registry.watch import Watch


@dataclass(frozen=True)
class Offer:
    """What a reference stands for, and what would be taken of it.

    Attributes:
        source: where it lies.
        listing: its exact commit and all its files.
        taken: the files to download.
        left: those that are left out, and why.
        allow_unsafe: whether formats that can carry code are taken.
    """

    source: Remote
    listing: Listing
    taken: tuple[RemoteFile, ...]
    left: Mapping[str, str]
    allow_unsafe: bool = False

    @property
    def bytes(self) -> int | None:
        """The size of what would be downloaded; None where the source does not say."""
        sizes = [file.bytes for file in self.taken]
        return None if None in sizes else sum(size for size in sizes if size)

    @property
    def pinned(self) -> bool:
        """Whether the reference means the same bytes for ever; a folder that nobody published into may change."""
        ref = self.listing.ref
        return bool(ref.revision) or ref.source == "tfhub" or place_of(ref) != ref.name


def offer(ref: Ref, *, include: Sequence[str] = (), allow_unsafe: bool = False) -> Offer:
    """Ask a source what a reference stands for, and decide what to take.

    Raises:
        ZooError: the source does not know it, or nothing of it may be taken.
    """
    source = remote(ref.source)
    listing = source.resolve(ref)
    choice = choose(listing.files, include=include, allow_unsafe=allow_unsafe)
    return Offer(source, listing, choice.taken, choice.left, allow_unsafe)


def place_of(ref: Ref) -> str:
    """Return a reference's name without a revision, which a published folder's has at its end."""
    return re.sub(r"@[0-9a-f]{64}$", "", ref.name)


def is_offered(files: Sequence[RemoteFile], zoo_json: bytes) -> bool:
    """Say whether the files that are offered are those of a card, as far as the source tells the card's digest."""
    digest = next((file.digest for file in files if file.path == CARD_FILE), "")
    algorithm, _, expected = digest.partition(":")
    if algorithm not in ALGORITHMS:
        return False
    running = ALGORITHMS[algorithm][1](len(zoo_json))
    running.update(zoo_json)
    return str(running.hexdigest()) == expected


@contextmanager
def downloaded(offer: Offer, downloads: Path, watch: Watch) -> Iterator[Path]:
    """Give a folder with the offer's files, every one of them checked; it is removed when what is done with it is done.

    Where that fails, the next call for the same revision goes on with what is there; so it does with an interrupted
    download. Another process that wants the same waits.

    Raises:
        ZooError: the connection broke, or a file is not what the source said: it is removed then.
    """
    key = hashlib.sha256("\n".join([str(offer.listing.ref), *(file.path for file in offer.taken)]).encode()).hexdigest()
    with folder_of(key[:32], downloads) as folder:
        try:
            offer.source.fetch(offer.listing, offer.taken, folder, watch)
        except OSError as error:
            raise ZooError(
                f"cannot download {offer.listing.ref} into {folder}: {error.strerror or error}", "free some space"
            ) from error
        _check(offer, folder)
        yield _files(offer, folder)


def _check(offer: Offer, folder: Path) -> None:
    for file in offer.taken:
        path = folder / file.path
        if not path.is_file():
            raise ZooError(f"{offer.listing.ref} promised the file {file.path} and did not deliver it", "try again")
        try:
            check(path, file.digest, file.bytes)
        except ZooError as error:
            path.unlink()
            raise ZooError(f"{error.message}; it was deleted", "try again: what was right is kept") from error


def _files(offer: Offer, folder: Path) -> Path:
    """Unpack archives in place and leave out what is not to be taken."""
    archives = [file.path for file in offer.taken if file.archive]
    if not archives:
        return folder
    target = folder / ".unpacked"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in archives:
        unpack(folder / path, target)
    for file in offer.taken:
        if not file.archive:
            (target / file.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).rename(target / file.path)
    paths = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()]
    for path in check_unpacked(paths, offer.allow_unsafe):
        (target / path).unlink()
    return target
