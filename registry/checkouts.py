"""Revisions laid out as folders with their files' own names: made of blobs, and made again where they are damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from registry.blobs import Blobs, Store, entry_of, link, sha256_of
from registry.card import FileEntry
from registry.errors import DamagedError
from registry.home import make_folder
from registry.workspace import Workspaces


def checkout(store: Store, files: Iterable[FileEntry], target: Path, workspaces: Workspaces) -> Path:
    """Lay blobs out as a folder with the files' own names; the folder appears whole.

    Raises:
        DamagedError: a blob is missing, or has another content.
    """
    if target.is_dir():
        return target
    make_folder(target.parent)
    with workspaces.new() as folder:
        made = folder / "checkout"
        made.mkdir()
        for file in files:
            lay(store, file, made / file.path)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process was first: its folder holds the same bytes
                raise
    return target


def lay(store: Store, file: FileEntry, target: Path) -> None:
    """Put one stored file into a folder, after a look at its bytes.

    Raises:
        DamagedError: it is missing, or has another content.
    """
    try:
        blob = store.local(file.sha256)
    except FileNotFoundError as error:
        raise DamagedError(
            f"the stored bytes of {file.path} are gone: {error}", "zoo verify shows what is damaged"
        ) from error
    lay_file(blob, file, target)


def lay_file(source: Path, file: FileEntry, target: Path) -> None:
    """Put a file into a folder, after a look at its bytes.

    Raises:
        DamagedError: it has another content than its card says.
    """
    with source.open("rb") as reader:
        got = sha256_of(reader)
    if got != file.sha256:
        raise DamagedError(
            f"the stored bytes of {file.path} are damaged: expected sha256 {file.sha256}, got {got}",
            "zoo verify shows what else is damaged",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    link(source, target)


def damaged(store: Store, files: Sequence[FileEntry], folder: Path) -> list[str]:
    """Return the paths of a laid-out folder that hold other bytes than the files say; none where there is no folder.

    What is a hard link to a blob is what the blob is, which is for others to read.
    """
    return [file.path for file in files if folder.is_dir() and not _is_sound(store, file, folder)]


def drop(folder: Path, workspaces: Workspaces) -> None:
    """Remove a laid-out folder, at once: half a one would be taken for a whole one."""
    with workspaces.new() as away, suppress(FileNotFoundError):  # another process was first
        folder.rename(away / folder.name)


def _is_sound(store: Store, file: FileEntry, folder: Path) -> bool:
    copy = folder / file.path
    if not copy.is_file():
        return False
    if isinstance(store, Blobs) and (blob := store.path(file.sha256)).is_file() and copy.samefile(blob):
        return True
    return entry_of(folder, file.path) == file
