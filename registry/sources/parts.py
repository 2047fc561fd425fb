"""How files arrive in a folder: half ones as `<path>.part`, whole ones under their own path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from registry.digests import check
from registry.errors import ZooError
from registry.sources.remote import RemoteFile
from registry.watch import Progress, Watch

Report = Callable[[int], None]  # is told how many bytes of a file are there
Save = Callable[[str, Path, Report], None]  # (path, target, report): the target appears when it is complete


class Blocks(Protocol):
    """Gives a file's bytes from an offset to its end; its own failures are `ZooError`s."""

    def __call__(self, file: RemoteFile, start: int) -> Iterator[bytes]:
        """Yield the bytes from `start` on."""
        ...


def take(files: Sequence[RemoteFile], into: Path, watch: Watch, blocks: Blocks) -> None:
    """Bring files into a folder; what is there in full is kept, and half a file is continued.

    Half a file whose digest is not known is begun anew: it may be half of something that has changed since.

    Raises:
        ZooError: from `blocks`; or a file has another size than its source says, or cannot be written.
    """
    progress = Progress(watch, "download", sum(file.bytes or 0 for file in files))
    for file in files:
        target = into / file.path
        progress.add(0, file.path)
        try:
            if is_complete(target, file):
                progress.add(target.stat().st_size, file.path)
            else:
                _take_one(file, target, progress, blocks)
        except OSError as error:
            raise ZooError(
                f"cannot write {target}: {error.strerror or error}", "free some space, then try again"
            ) from error


def save_missing(files: Sequence[RemoteFile], into: Path, watch: Watch, save: Save) -> None:
    """Have those files saved that are not in a folder yet, by what knows itself how half a file goes on."""
    done, total = 0, sum(file.bytes or 0 for file in files)
    for file in files:
        target = into / file.path
        if not target.exists():
            save(file.path, target, partial(_report, watch, file.path, done, total))
        done += target.stat().st_size
        watch("download", done, max(total, done), file.path)


def _report(watch: Watch, path: str, before: int, total: int, done: int) -> None:
    watch("download", before + done, max(total, before + done), path)


def part_beside(target: Path) -> Path:
    """Return where half a file lies, and make the folder for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f"{target.name}.part")


def is_complete(target: Path, file: RemoteFile) -> bool:
    """Say whether a file is there in full: its size and its digest, as far as the source tells them."""
    try:
        check(target, file.digest, file.bytes)
    except (ZooError, FileNotFoundError):
        return False
    return True


def _take_one(file: RemoteFile, target: Path, progress: Progress, blocks: Blocks) -> None:
    part = part_beside(target)
    size = part.stat().st_size if part.exists() and file.digest else 0
    if file.bytes is not None and size > file.bytes:
        size = 0
    with part.open("ab") as writer:
        writer.truncate(size)
        progress.add(size, file.path)
        if size != file.bytes or not size:
            for block in blocks(file, size):
                writer.write(block)
                progress.add(len(block), file.path)
                if file.bytes is not None and writer.tell() > file.bytes:
                    break
    _check_size(part, file)
    part.replace(target)


def _check_size(part: Path, file: RemoteFile) -> None:
    size = part.stat().st_size
    if file.bytes is None or size == file.bytes:
        return
    part.unlink()
    got = "more" if size > file.bytes else str(size)
    raise ZooError(f"{file.path} came with another size: expected {file.bytes} bytes, got {got}", "try again")
