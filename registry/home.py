"""Where state lies: `$ZOO_HOME`, or the platform's user data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ZooError


@dataclass(frozen=True)
class Home:
    """The folders below one root."""

    root: Path

    @property
    def catalogue(self) -> Path:
        """The catalogue's SQLite file."""
        return self.root / "catalogue.db"

    @property
    def blobs(self) -> Path:
        """Content-addressed files."""
        return self.root / "blobs"

    @property
    def checkouts(self) -> Path:
        """Revisions laid out as folders, made again from blobs at need."""
        return self.root / "checkouts"

    @property
    def cache(self) -> Path:
        """Feature caches."""
        return self.root / "cache"

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"


def home() -> Home:
    """Return the home that the environment names."""
    named = os.environ.get("ZOO_HOME")
    if named:
        return Home(Path(named).expanduser())
    from platformdirs import user_data_path  # 20 ms, and not needed where ZOO_HOME is set

    return Home(user_data_path("zoo", appauthor=False))


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
