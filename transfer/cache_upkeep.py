"""What goes from the feature cache: what is worth nothing, then what was used longest ago. Never what is in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ZooError
from transfer.cache_entries import Stored, stored
from transfer.cache_files import locked
from transfer.cache_joined import rejoined
from transfer.engines.remembered import FOLDER, forget

WORTHLESS = ("broken", "old", "empty")


@dataclass(frozen=True)
class Removed:
    """What went, or would go; what could not, since a process reads or writes it; and the bytes that stay."""

    removed: tuple[Stored, ...]
    in_use: tuple[Stored, ...]
    left: int

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
    left, removed, in_use = sum(one.bytes for one in files), list[Stored](), list[Stored]()
    for one in in_order(files):
        if one.state in WORTHLESS or (most is not None and left > most):
            gone = _remove(one, dry_run)
            (removed if gone else in_use).append(one)
            left -= one.bytes if gone else 0
    if not dry_run:
        _tidy(removed)
        forget(root / FOLDER)
    return Removed(tuple(removed), tuple(in_use), left)


def in_order(files: Iterable[Stored]) -> list[Stored]:
    """Sort files by what is to go first: what is worth nothing, then what was used longest ago."""
    return sorted(files, key=lambda one: (one.state not in WORTHLESS, one.used, one.path))


def remove(root: Path, chosen: Sequence[Stored], *, dry_run: bool = False) -> Removed:
    """Remove some files of a cache."""
    total = sum(one.bytes for one in stored(root))
    gone = {one.path: _remove(one, dry_run) for one in chosen}
    removed = tuple(one for one in chosen if gone[one.path])
    if not dry_run:
        _tidy(removed)
    return Removed(
        removed, tuple(one for one in chosen if not gone[one.path]), total - sum(one.bytes for one in removed)
    )


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


def _remove(one: Stored, dry_run: bool) -> bool:
    """Remove a file; tell whether nobody used it, also since it was looked at."""
    try:
        with one.path.open("r+b") as file:  # NFS locks for one alone only what is open for writing
            if not locked(file, alone=True) or one.path.stat().st_mtime > one.used:
                return False
            if not dry_run:
                one.path.unlink()
    except FileNotFoundError:  # another process has removed it
        return True
    except OSError as error:
        raise ZooError(
            f"cannot remove {one.path}: {error.strerror or error}", "is it another user's? ls -l shows whose"
        ) from error
    return True


def _tidy(removed: Iterable[Stored]) -> None:
    """Make the joined files of keys true again, and remove the folders in which nothing is left."""
    for folder in {one.path.parent for one in removed}:
        rejoined(folder)
        with suppress(OSError):  # there is something in it
            folder.rmdir()
