"""Folders that downloads lie in until they are stored; an interrupted one is gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from registry.home import make_folder


@contextmanager
def folder_of(key: str, downloads: Path) -> Iterator[Path]:
    """Give the folder of one download to one process at a time; whoever else wants the same waits.

    It is removed when the block ends well, and where nothing has been downloaded.
    """
    folder = make_folder(downloads / key)
    with _lock(folder):
        make_folder(folder)  # the process that was waited for may have removed it
        try:
            yield folder
        except BaseException:
            if not any(path.stat().st_size for path in folder.rglob("*") if path.is_file()):
                _remove(folder)
            raise
        _remove(folder)


def clear(downloads: Path, *, remove: bool = True) -> int:
    """Remove what no process is at, or only count it; return how many downloads there were."""
    names = {path.name.removesuffix(".lock") for path in downloads.glob("*")}
    return sum(_abandoned(downloads / name, remove) for name in sorted(names))


def _abandoned(folder: Path, remove: bool) -> bool:
    there = folder.is_dir()
    try:
        with _lock(folder, wait=False):
            if remove or not there:
                _remove(folder)
    except TimeoutError:
        return False
    return there


def _remove(folder: Path) -> None:
    """Remove a folder and its lock, which is held: who waits for an unlinked lock file tries again with a new one."""
    shutil.rmtree(folder, ignore_errors=True)
    _lock_file(folder).unlink(missing_ok=True)


def _lock(folder: Path, *, wait: bool = True) -> AbstractContextManager[object]:
    from filelock import FileLock

    return FileLock(_lock_file(folder), blocking=wait)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")
