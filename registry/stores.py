"""Which store of blobs a home uses: a folder, or a bucket with copies in that folder."""

from __future__ import annotations

from pathlib import Path

from registry.blobs import Blobs, Store
from registry.errors import ZooError
from registry.home import Home
from registry.workspace import Workspaces

NOTES = "notes"


def store_of(home: Home) -> Store:
    """Return the store of models' files that a home uses: a folder, or what its URL names."""
    return _store(home, home.blobs, home.blobs_url)


def notes_of(home: Home) -> Store:
    """Return the store of manifests and signatures: apart from files, so that no model's file is taken for one."""
    return _store(home, home.blobs / NOTES, home.blobs_url and f"{home.blobs_url.rstrip('/')}/{NOTES}")


def _store(home: Home, folder: Path, url: str) -> Store:
    blobs = Blobs(folder, Workspaces(home.work))
    if not url:
        return blobs
    from registry.remote_blobs import RemoteBlobs

    try:
        return RemoteBlobs(url, blobs)
    except ZooError as error:
        hint = "expected an object store's address, such as s3://bucket/blobs; without it the files are in ZOO_HOME"
        raise ZooError(f"ZOO_BLOBS={home.blobs_url} cannot be used: {error.message}", error.hint or hint) from error
