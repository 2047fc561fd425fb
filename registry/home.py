"""Where state lies: `$ZOO_HOME`, or the platform's user data folder; `$ZOO_CATALOGUE`, `$ZOO_BLOBS`, `$ZOO_CACHE`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ZooError

OWN = "catalogue.db beside this folder"


SERVERS = ("postgresql://", "postgres://")


@dataclass(frozen=True)
class Home:
    """The folders below one root, and the parts that a team may keep elsewhere.

    Attributes:
        root: the folder.
        catalogue_url: `postgresql://user:password@host:port/database`; empty for a SQLite file in the folder.
        blobs_url: an fsspec URL such as `s3://bucket/blobs`; empty for a folder in the folder.
        cache_url: an fsspec URL at which machines share their feature caches; empty where they share none.
    """

    root: Path
    catalogue_url: str = ""
    blobs_url: str = ""
    cache_url: str = ""

    @property
    def catalogue(self) -> str | Path:
        """The catalogue's database: a URL, or a SQLite file's path."""
        return self.catalogue_url or self.root / "catalogue.db"

    @property
    def identity(self) -> str:
        """What the catalogue is called in the notes of a store that other catalogues may use as well.

        A home that keeps both in its folder may be moved, so it is not called by its path.
        """
        from platform import node

        if self.catalogue_url:  # without user and password, which may hold any character
            return f"postgresql://{self.catalogue_url.partition('://')[2].rpartition('@')[2].partition('?')[0]}"
        return f"{node()}:{Path(self.catalogue).absolute()}" if self.blobs_url else OWN

    @property
    def blobs(self) -> Path:
        """Content-addressed files."""
        return self.root / "blobs"

    @property
    def checkouts(self) -> Path:
        """Revisions laid out as folders, made again from blobs at need."""
        return self.root / "checkouts"

    @property
    def downloads(self) -> Path:
        """What pulls have fetched and not stored yet; an interrupted pull goes on from here."""
        return self.root / "downloads"

    @property
    def work(self) -> Path:
        """Unfinished work, removed by the next process when the one that it belongs to is gone."""
        return self.root / "work"

    @property
    def policy(self) -> Path:
        """What this home trusts (`registry/policy.py`)."""
        return self.root / "policy.toml"

    @property
    def cache(self) -> Path:
        """Feature caches."""
        return self.root / "cache"

    @property
    def depths(self) -> Path:
        """What depth searches found, by model and data."""
        return self.root / "depths"

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"


def home() -> Home:
    """Return the home that the environment names.

    Raises:
        ZooError: `$ZOO_CATALOGUE` is no database server's address.
    """
    named, catalogue = os.environ.get("ZOO_HOME"), os.environ.get("ZOO_CATALOGUE", "")
    if catalogue and not catalogue.startswith(SERVERS):
        raise _no_server(catalogue)
    return Home(
        Path(named).expanduser() if named else _user_data(),
        catalogue,
        os.environ.get("ZOO_BLOBS", ""),
        os.environ.get("ZOO_CACHE", ""),
    )


def _no_server(url: str) -> ZooError:
    scheme, separator, rest = url.partition("://")
    shown = f"{scheme}{separator}{rest.rpartition('@')[2]}"  # without user and password
    return ZooError(
        f"ZOO_CATALOGUE={shown} is no address of a database server: expected postgresql://user@host:port/database",
        "put it right, or unset it: without it the catalogue is a file in ZOO_HOME",
    )


def _user_data() -> Path:
    from platformdirs import user_data_path  # 20 ms, and not needed where ZOO_HOME is set

    return user_data_path("zoo", appauthor=False)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents.

    Raises:
        ZooError: there is no right or no space to, or a file is in the way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(
            f"cannot create the folder {path}: {error.strerror or error}",
            "set ZOO_HOME to a folder that you can write to",
        ) from error
    return path
