"""The cache folder of `tensorflow_hub`: `$TFHUB_CACHE_DIR/<sha1 of the handle>/` holds a module."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from registry.sources.parts import part_beside


def cache_folder(handle: str) -> Path | None:
    """Return the folder in which `tensorflow_hub` keeps a module, if it does.

    The default lies in the folder for temporary files, where anybody could put one; so it must be our own.
    """
    chosen = os.environ.get("TFHUB_CACHE_DIR")
    root = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "tfhub_modules"
    folder = root / hashlib.sha1(handle.encode()).hexdigest()
    if not folder.is_dir() or not paths_in(folder):
        return None
    ours = chosen or not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    return folder if ours else None


def paths_in(folder: Path) -> list[str]:
    """Return the files of a cached module; links are none."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def copy(source: Path, target: Path) -> None:
    """Copy a file; the target appears when it is complete."""
    part = part_beside(target)
    shutil.copyfile(source, part)
    part.replace(target)
