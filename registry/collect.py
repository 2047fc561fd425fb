"""Garbage collection: what no revision refers to any more, and what killed processes left, is removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from registry.blobs import Blob, Store
from registry.catalogue.tables import batches
from registry.downloads import clear
from registry.errors import ZooError
from registry.home import OWN
from registry.sources.local import Local

BATCH = 500


class SharedError(ZooError):
    """Other catalogues use the same store."""


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be: blobs and their bytes, laid-out folders, and unfinished work."""

    blobs: int = 0
    bytes: int = 0
    checkouts: int = 0
    unfinished: int = 0


def collect(local: Local, *, dry_run: bool = False) -> Collected:
    """Remove every blob and folder that no revision needs.

    Raises:
        SharedError: other catalogues use the same store.

    A commit holds the writer's lock while it looks whether its files are stored, and a batch is removed under the same
    lock: so no commit can come to refer to a blob that is just being removed.
    """
    if others := _others(local):
        raise SharedError(
            f"the files in {local.store.where} also belong to {', '.join(sorted(others))}, "
            "which may need what this catalogue does not",
            "remove its note from catalogues/ beside the files, if that catalogue is gone",
        )
    _check_catalogue(local)
    stored = {blob.sha256: blob for blob in chain(local.store.all(), local.copies.all())}
    dead = list(_dead(local, local.store, stored.values(), remove=not dry_run))
    dead += _dead(local, local.notes, local.notes.all(), remove=not dry_run)
    unfinished = local.workspaces.sweep(remove=not dry_run) + clear(local.home.downloads, remove=not dry_run)
    return Collected(
        len(dead), sum(blob.bytes for blob in dead), _checkouts(local, remove=not dry_run), unfinished
    )  # fmt: skip


def discard(local: Local, sha256s: Iterable[str]) -> int:
    """Remove those of some blobs that no revision needs; return how many bytes that freed."""
    if _others(local):
        return 0
    freed = 0
    for store in (local.store, local.notes):
        blobs = (Blob(sha256, store.size(sha256) or 0) for sha256 in sorted(sha256s))
        freed += sum(blob.bytes for blob in _dead(local, store, blobs, remove=True))
    _checkouts(local, remove=True)
    return freed


def _check_catalogue(local: Local) -> None:
    """Refuse where the catalogue was lost: nothing would seem to be needed."""
    if is_lost(local):
        raise ZooError(
            f"there are files in {local.store.where} and no catalogue {local.home.catalogue}",
            "zoo doctor --rebuild makes it anew from them",
        )


def is_lost(local: Local) -> bool:
    """Say whether there are files and no catalogue that could name them."""
    return not local.catalogue.exists() and any(True for _ in chain(local.store.all(), local.copies.all()))


def _others(local: Local) -> set[str]:
    """Return the other catalogues that use the store, or the folder on this machine that copies lie in."""
    users = local.store.catalogues() | local.copies.catalogues()
    beside = local.home.root / "catalogue.db"  # one of version 0.1 left no note
    if beside.exists() and local.home.catalogue != beside:
        users.add(OWN)
    return users - {local.home.identity}


def _dead(local: Local, store: Store, blobs: Iterable[Blob], *, remove: bool) -> Iterator[Blob]:
    for batch in batches(blobs, BATCH):
        names = [blob.sha256 for blob in batch]
        if len(local.catalogue.live(names)) == len(names):
            continue  # most batches, and the writer's lock is not needed to see it
        with local.catalogue.exclusive():
            live = local.catalogue.live(names)
            for blob in batch:
                if blob.sha256 not in live:
                    if remove:
                        store.delete(blob.sha256)
                    yield blob


def _checkouts(local: Local, *, remove: bool) -> int:
    root = local.home.checkouts
    names = [path.name for path in root.iterdir()] if root.is_dir() else []
    dead = [name for batch in batches(names, BATCH) for name in set(batch) - local.catalogue.live(batch)]
    if dead and remove:
        with local.workspaces.new() as folder:
            for name in dead:
                (root / name).rename(folder / name)  # half a folder would be taken for a whole one
    return len(dead)
