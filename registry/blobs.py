"""Files by content: one file a sha256, stored once, appearing whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.card import FileEntry
from registry.errors import ZooError
from registry.home import make_folder

READ_BYTES = 2**20


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hex, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry_of(folder: Path, path: str) -> FileEntry:
    """Describe one file of a folder: path, size, sha256."""
    file = folder / path
    return FileEntry(path, file.stat().st_size, sha256_of(file))


class Blobs:
    """A folder of files named by their sha256 (`ab/abcdef...`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Say where a blob lies or would lie."""
        return self.root / sha256[:2] / sha256

    def put(self, source: Path) -> str:
        """Store a copy of a file; return its sha256."""
        with self._new_file() as temporary, source.open("rb") as reader:
            digest = hashlib.sha256()
            with temporary.open("wb") as writer:
                while block := reader.read(READ_BYTES):
                    digest.update(block)
                    writer.write(block)
            return self._keep(temporary, digest.hexdigest())

    def put_bytes(self, content: bytes) -> str:
        """Store bytes; return their sha256."""
        with self._new_file() as temporary:
            temporary.write_bytes(content)
            return self._keep(temporary, hashlib.sha256(content).hexdigest())

    def checkout(self, files: Iterable[FileEntry], target: Path) -> Path:
        """Lay blobs out as a folder with the files' own names; the folder appears whole.

        Raises:
            ZooError: a blob is missing.
        """
        if target.is_dir():
            return target
        make_folder(target.parent)
        temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=target.parent))
        try:
            for file in files:
                self._lay(file, temporary / file.path)
            temporary.chmod(0o755)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():  # another process was first: its folder holds the same bytes
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def _lay(self, file: FileEntry, target: Path) -> None:
        blob = self.path(file.sha256)
        if not blob.is_file():
            raise ZooError(f"the stored bytes of {file.path} are gone: expected {blob}")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(blob, target)
        except OSError:  # a file system without hard links
            shutil.copyfile(blob, target)

    @contextmanager
    def _new_file(self) -> Iterator[Path]:
        make_folder(self.root)
        handle, name = tempfile.mkstemp(prefix="tmp-", dir=self.root)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _keep(self, temporary: Path, sha256: str) -> str:
        target = self.path(sha256)
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o444)
            temporary.replace(target)
        return sha256
