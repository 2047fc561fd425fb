"""The files below a folder, whatever links there are; hidden ones and what systems leave behind are no data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from transfer.data.records import Broken

LEFT_BEHIND = ("thumbs.db", "desktop.ini", "__macosx")
Identity = tuple[int, int]  # device and inode


@dataclass
class Walk:
    """One walk below a folder.

    Attributes:
        top: the folder.
        seen: the real folders that were visited, each with the path on which it was; none is visited twice.
        broken: what was met that is neither a folder nor a file, cannot be opened, or was visited already.
    """

    top: Path
    seen: dict[Identity, str] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def __post_init__(self) -> None:
        real = self.top.resolve()
        self._above = {_identity(folder) for folder in (real, *real.parents)}
        self.seen |= {_identity(folder): shown(folder) for folder in real.parents}
        self.seen[_identity(real)] = shown(self.top)

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """List a folder by name, but for what is no data."""
        try:
            with os.scandir(folder) as found:
                kept = [entry for entry in found if not _no_data(entry.name)]
        except OSError as error:
            self.note(folder, f"cannot be read: {error.strerror}")
            return []
        return sorted(kept, key=lambda entry: natural(entry.name))

    def files(self, root: Path, name: str, above: tuple[Identity, ...] = ()) -> Iterator[str]:
        """Yield the paths, from `root`, of the files in its folder `name`, each folder's own before those below it."""
        identity = self.enter(root / name, above)
        if identity is None:
            return
        folders = []
        for entry in self.entries(root / name):
            if is_folder(entry):
                folders.append(f"{name}/{entry.name}")
            elif self.is_file(entry):
                yield f"{name}/{entry.name}"
        for below in folders:
            yield from self.files(root, below, (*above, identity))

    def is_file(self, entry: os.DirEntry[str]) -> bool:
        """Tell whether an entry is a file; what is neither that nor a folder is broken."""
        try:
            if entry.is_file():
                return True
            why = "is a link to nothing" if entry.is_symlink() else "is neither a file nor a folder"
        except OSError as error:  # a link to itself
            why = f"cannot be followed: {error.strerror}"
        self.note(entry.path, why)
        return False

    def enter(self, folder: Path, above: tuple[Identity, ...] = ()) -> Identity | None:
        """Visit a folder below those of `above`; return None where it was visited before, or cannot be."""
        try:
            identity = _identity(folder)
        except OSError as error:
            self.note(folder, f"cannot be read: {error.strerror}")
            return None
        if identity in self.seen:
            what = "leads back to" if identity in above or identity in self._above else "is the same folder as"
            self.note(folder, f"{what} {self.seen[identity]}")
            return None
        self.seen[identity] = shown(folder)
        return identity

    def note(self, path: Path | str, why: str) -> None:
        """Add to what is broken."""
        self.broken.append(Broken(shown(path), why))


def _identity(folder: Path) -> Identity:
    found = folder.stat()
    return found.st_dev, found.st_ino


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _no_data(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFT_BEHIND


def natural(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """Return what to sort a name by, so that 9 comes before 10, and no two names are equal.

    >>> sorted(["b10", "b9", "a", "b09"], key=natural)
    ['a', 'b09', 'b9', 'b10']
    """
    parts = re.split(r"([0-9]+)", name)
    texts, numbers = parts[::2], [*parts[1::2], "-1"]
    return tuple((text, int(number)) for text, number in zip(texts, numbers, strict=True)), name


def shown(path: Path | str) -> str:
    """Write a path so that it can be printed, whatever bytes its names are."""
    return str(path).encode(errors="backslashreplace").decode()
