"""What goes from the feature cache: what is worth nothing, then what was used longest ago. Never what is in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ZooError
from transfer.cache_entries import Stored, stored
from transfer.cache_joined import rejoined
from transfer.cache_locks import locked
from transfer.engines.remembered import FOLDER, forget

WORTHLESS = ("broken", "old", "empty")


@dataclass(frozen=True)
class Removed:
    """What came of removing some files.

    Attributes:
        removed: what went, or would go.
        in_use: what could not, since a process reads or writes it.
        left: the bytes that stay.
        refused: of each that the system does not let this process remove, a sentence.
    """

    removed: tuple[Stored, ...]
    in_use: tuple[Stored, ...]
    left: int
    refused: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of what went."""
        return sum(one.bytes for one in self.removed)


def prune(root: Path, most: int | None = None, *, dry_run: bool = False) -> Removed:
    """Remove what no process can use, and then, the longest unused first, until the rest takes so many bytes at most.

    With them go the choices of engines that nothing has used for 90 days (`transfer.engines.remembered`).

    Args:
        root: the cache's folder.
        most: None removes nothing that is of use.
        dry_run: only say what would go.
    """
    files = stored(root)
    left, trying = sum(one.bytes for one in files), _Removing(dry_run)
    for one in in_order(files):
        if (one.state in WORTHLESS or (most is not None and left > most)) and trying.remove(one):
            left -= one.bytes
    if not dry_run:
        forget(root / FOLDER)
    return trying.done(left)


def in_order(files: Iterable[Stored]) -> list[Stored]:
    """Sort files by what is to go first: what is worth nothing, then what was used longest ago."""
    return sorted(files, key=lambda one: (one.state not in WORTHLESS, one.used, one.path))


def remove(root: Path, chosen: Sequence[Stored], *, dry_run: bool = False) -> Removed:
    """Remove some files of a cache."""
    total, trying = sum(one.bytes for one in stored(root)), _Removing(dry_run)
    gone = [one.bytes for one in chosen if trying.remove(one)]
    return trying.done(total - sum(gone))


def chosen(files: Sequence[Stored], name: str) -> list[Stored]:
    """Find the files that a name means: the beginning of a key, and perhaps a file's name behind a slash.

    Raises:
        ZooError: there are none, or of several keys.
    """
    key, _, file = name.partition("/")
    found = [one for one in files if key and one.key.startswith(key) and file in ("", one.path.name)]
    several = sorted({one.key[:12] for one in found})
    if len(several) > 1:
        keys = ", ".join(several)
        raise ZooError(f"{name!r} begins {len(several)} keys of the feature cache: {keys}", "say more of it")
    if not found:
        raise ZooError(f"the feature cache has nothing called {name!r}", "zoo cache list shows the keys")
    return found


class _Removing:
    """What is removed, one file after another; what cannot be does not keep the others."""

    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self._removed, self._in_use, self._refused = list[Stored](), list[Stored](), list[str]()

    def remove(self, one: Stored) -> bool:
        """Remove a file; tell whether it is gone."""
        try:
            gone = _remove(one, self._dry_run)
        except OSError as error:
            self._refused.append(f"cannot remove {one.path}: {error.strerror or error}")
            return False
        (self._removed if gone else self._in_use).append(one)
        return gone

    def done(self, left: int) -> Removed:
        """Tidy up, and say what came of it; `left` is how many bytes stay."""
        if not self._dry_run:
            _tidy(self._removed)
        return Removed(tuple(self._removed), tuple(self._in_use), left, tuple(self._refused))


def _remove(one: Stored, dry_run: bool) -> bool:
    """Remove a file; tell whether nobody used it, also since it was looked at.

    A dry run takes the lock alone as well, for a moment that readers wait for (`cache_locks.shared`): a shared one
    would not tell whether there are any.
    """
    try:
        with one.path.open("r+b") as file:  # NFS locks for one alone only what is open for writing
            if not locked(file, alone=True) or one.path.stat().st_mtime > one.used:
                return False
            if not dry_run:
                one.path.unlink()
    except FileNotFoundError:  # another process has removed it
        return True
    return True


def _tidy(removed: Iterable[Stored]) -> None:
    """Make the joined files of keys true again, and remove the folders in which nothing is left."""
    for folder in {one.path.parent for one in removed}:
        rejoined(folder)
        with suppress(OSError):  # there is something in it
            folder.rmdir()
