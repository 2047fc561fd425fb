"""Files by content: one file a sha256, stored once, appearing whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from registry.card import SHA256, FileEntry
from registry.home import make_folder
from registry.workspace import Workspaces

READ_BYTES = 2**20
CATALOGUES = "catalogues"


@dataclass(frozen=True)
class Blob:
    """A stored file: its sha256 in hex, and its size in bytes."""

    sha256: str
    bytes: int


class Store(Protocol):
    """A place that keeps blobs."""

    where: str

    def put(self, source: Path) -> Blob:
        """Store a copy of a file; what is stored already and undamaged is left alone."""
        ...

    def put_bytes(self, content: bytes) -> Blob:
        """Store bytes."""
        ...

    def size(self, sha256: str) -> int | None:
        """Return how many bytes a blob has as it is stored; None where it is not."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading; raises `FileNotFoundError` where it is not stored."""
        ...

    def local(self, sha256: str) -> Path:
        """Return a path on this machine with the blob's content; raises `FileNotFoundError` where it is not stored."""
        ...

    def all(self) -> Iterator[Blob]:
        """Return every stored blob."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove a blob; one that is not there is no error."""
        ...

    def join(self, catalogue: str) -> None:
        """Note that a catalogue refers to blobs of this store."""
        ...

    def catalogues(self) -> set[str]:
        """Return the catalogues that have ever referred to blobs of this store."""
        ...


def holds(store: Store, file: FileEntry) -> bool:
    """Tell whether a model's file is stored, with its size; its content is not read."""
    return store.size(file.sha256) == file.bytes


def sha256_of(reader: BinaryIO) -> str:
    """Return the sha256 in hex of what is left to read."""
    return hashlib.file_digest(cast(Any, reader), "sha256").hexdigest()


def entry_of(folder: Path, path: str) -> FileEntry:
    """Describe one file of a folder: path, size, sha256."""
    file = folder / path
    with file.open("rb") as reader:
        return FileEntry(path, file.stat().st_size, sha256_of(reader))


def note_of(catalogue: str) -> str:
    """Return the path below a store of the note that a catalogue uses it."""
    return f"{CATALOGUES}/{hashlib.sha256(catalogue.encode()).hexdigest()[:16]}"


class Blobs:
    """A folder of files named by their sha256 (`ab/abcdef...`)."""

    def __init__(self, root: Path, workspaces: Workspaces) -> None:
        self.root = root
        self.where = str(root)
        self.workspaces = workspaces

    def path(self, sha256: str) -> Path:
        """Say where a blob lies or would lie."""
        return self.root / sha256[:2] / sha256

    def put(self, source: Path) -> Blob:
        """Store a copy of a file; what is stored already and undamaged is left alone."""
        with self.workspaces.new() as folder, source.open("rb") as reader:
            temporary, digest, size = folder / "blob", hashlib.sha256(), 0
            with temporary.open("wb") as writer:
                while block := reader.read(READ_BYTES):
                    digest.update(block)
                    size += writer.write(block)
            return self._keep(temporary, Blob(digest.hexdigest(), size))

    def put_bytes(self, content: bytes) -> Blob:
        """Store bytes."""
        with self.workspaces.new() as folder:
            temporary = folder / "blob"
            temporary.write_bytes(content)
            return self._keep(temporary, Blob(hashlib.sha256(content).hexdigest(), len(content)))

    def size(self, sha256: str) -> int | None:
        """Return how many bytes a blob has as it is stored; None where it is not."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading; raises `FileNotFoundError` where it is not stored."""
        return self.path(sha256).open("rb")

    def local(self, sha256: str) -> Path:
        """Return the blob's own path; raises `FileNotFoundError` where it is not stored."""
        path = self.path(sha256)
        if not path.is_file():
            raise FileNotFoundError(f"expected {path}")
        return path

    def all(self) -> Iterator[Blob]:
        """Return every stored blob; one that another process removes meanwhile may be left out."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            if SHA256.fullmatch(path.name) and (size := self.size(path.name)) is not None:
                yield Blob(path.name, size)

    def delete(self, sha256: str) -> None:
        """Remove a blob; one that is not there is no error."""
        self.path(sha256).unlink(missing_ok=True)

    def join(self, catalogue: str) -> None:
        """Note that a catalogue refers to blobs of this store."""
        note = self.root / note_of(catalogue)
        if not note.exists():
            make_folder(note.parent)
            with self.workspaces.new() as folder:
                (folder / "note").write_text(catalogue, encoding="utf-8")
                (folder / "note").replace(note)

    def catalogues(self) -> set[str]:
        """Return the catalogues that have ever referred to blobs of this store."""
        return {path.read_text(encoding="utf-8") for path in self.root.glob(f"{CATALOGUES}/*")}

    def _keep(self, temporary: Path, blob: Blob) -> Blob:
        if self._intact(blob):
            return blob
        target = self.path(blob.sha256)
        make_folder(target.parent)
        temporary.chmod(0o444)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
        return blob

    def _intact(self, blob: Blob) -> bool:
        """Read what is stored: a damaged blob is replaced by the next file of its content."""
        if self.size(blob.sha256) != blob.bytes:
            return False
        with self.open(blob.sha256) as reader:
            return sha256_of(reader) == blob.sha256


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where folders can be synced."""
    if os.name == "posix":
        with _opened(folder) as handle:
            os.fsync(handle)
