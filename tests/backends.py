"""What the catalogue and its files can lie in: the same tests run on each."""

from __future__ import annotations

import pytest

from registry.blobs import Blobs
from registry.places import open_place
from registry.shelf import Shelf


@pytest.fixture(params=["sqlite and a folder", "postgresql", "s3"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Keep every test's catalogue in SQLite or PostgreSQL, and its files in a folder or a bucket."""
    if request.param == "postgresql":
        monkeypatch.setenv("ZOO_CATALOGUE", request.getfixturevalue("postgres"))
    if request.param == "s3":
        monkeypatch.setenv("ZOO_BLOBS", f"{request.getfixturevalue('s3')}/blobs")
    return str(request.param)


def overwrite(shelf: Shelf, sha256: str, content: bytes) -> None:
    """Put other bytes in a blob's place, behind the store's back."""
    store = shelf.local.store
    if isinstance(store, Blobs):
        store.path(sha256).unlink(missing_ok=True)
        store.path(sha256).write_bytes(content)
    else:
        open_place(f"{store.where}/{sha256[:2]}/{sha256}").write(content)
        Blobs(shelf.home.blobs, shelf.local.workspaces).delete(sha256)


def stored(shelf: Shelf) -> set[str]:
    """Return the sha256s of all blobs."""
    return {blob.sha256 for blob in shelf.local.store.all()}
