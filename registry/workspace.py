"""Folders for unfinished work: what a killed process leaves behind, the next one removes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from registry.home import make_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

PREFIX = "w-"


class Workspaces:
    """A folder of work folders, each beside a lock file that its process holds for as long as it lives.

    The system releases a lock with the process that holds it, however that ends. The folder must lie on the file
    system of what is made in it, so that a rename puts it into place.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Give an empty folder, and remove it with all that is still in it at the end."""
        make_folder(self.root)
        with self._gate():
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.root))
            lock = _lock(_name_of_lock(folder))
            lock.acquire()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            _name_of_lock(folder).unlink(missing_ok=True)
            lock.release()

    def sweep(self, *, remove: bool = True) -> int:
        """Remove the folders whose process is gone, or only count them; return how many there were."""
        if not self.root.is_dir():
            return 0
        with self._gate():
            # A process may have been killed after it removed its folder and before it removed the lock.
            folders = sorted({path.with_suffix("") for path in self.root.glob(f"{PREFIX}*")})
            return sum(_abandoned(folder, remove) for folder in folders)

    def _gate(self) -> BaseFileLock:
        """Between the making of a folder and the taking of its lock nobody sweeps."""
        return _lock(self.root / "gate.lock")


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock  # 60 ms, and what only looks needs no lock

    return FileLock(path)


def _name_of_lock(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _abandoned(folder: Path, remove: bool) -> bool:
    lock = _lock(_name_of_lock(folder))
    try:
        lock.acquire(blocking=False)
    except TimeoutError:
        return False
    if remove:
        shutil.rmtree(folder, ignore_errors=True)
        _name_of_lock(folder).unlink(missing_ok=True)
    lock.release()
    return True
