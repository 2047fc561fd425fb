"""Blobs at an fsspec URL (`s3://bucket/blobs`), with a folder on this machine for what has been read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from registry.blobs import CATALOGUES, Blob, Blobs, note_of, sha256_of
from registry.card import SHA256
from registry.errors import DamagedError, ZooError
from registry.places import Place, open_place
from registry.watch import Progress, silent

MAX_NOTE = 10_000


class RemoteBlobs:
    """An object store's folder of files named by their sha256 (`ab/abcdef...`).

    An object store shows an object when its upload is complete, which is why no other kind of file system will do.

    Args:
        url: where to.
        cache: what has been read once is kept here, checked by its sha256.

    Raises:
        ZooError: by every method: the store is not installed, cannot be reached, or refuses.
    """

    def __init__(self, url: str, cache: Blobs) -> None:
        self.where = url.rstrip("/")
        self._place = open_place(self.where)
        self._cache = cache
        if self._place.is_local:
            raise ZooError(f"{url} is no object store", "set ZOO_HOME for another folder")

    def put(self, source: Path) -> Blob:
        """Store a copy of a file; what is stored already and undamaged is left alone."""
        with source.open("rb") as reader:
            blob = Blob(sha256_of(reader), source.stat().st_size)
        if not self._intact(blob):
            self._place.upload(source, _path(blob.sha256), Progress(silent, "upload", blob.bytes))
        return blob

    def put_bytes(self, content: bytes) -> Blob:
        """Store bytes."""
        return self.put(self._cache.local(self._cache.put_bytes(content).sha256))

    def size(self, sha256: str) -> int | None:
        """Return how many bytes a blob has as it is stored; None where it is not."""
        place = self._at(sha256)
        return place.size() if place.kind() == "file" else None

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading; raises `FileNotFoundError` where it is not stored."""
        size = self.size(sha256)
        if size is None:
            raise FileNotFoundError(f"expected {self._at(sha256).url}")
        return cast(BinaryIO, io.BufferedReader(_Blocks(self._at(sha256).blocks(0, size))))

    def local(self, sha256: str) -> Path:
        """Return the path of a copy on this machine; raises `FileNotFoundError` where the blob is not stored."""
        path = self._cache.path(sha256)
        if path.is_file():
            with path.open("rb") as reader:
                if sha256_of(reader) == sha256:
                    return path
        with self._cache.workspaces.new() as folder, self.open(sha256) as reader:
            copy = folder / "copy"
            with copy.open("wb") as writer:
                while block := reader.read(2**20):
                    writer.write(block)
            got = self._cache.put(copy).sha256
        if got != sha256:
            self._cache.delete(got)
            raise DamagedError(f"the bytes of {self._at(sha256).url} are damaged: they have sha256 {got}", "zoo verify")
        return path

    def all(self) -> Iterator[Blob]:
        """Return every stored blob."""
        for path, size in self._place.walk():
            name = path.rpartition("/")[2]
            if SHA256.fullmatch(name) and path == _path(name):
                yield Blob(name, size)

    def delete(self, sha256: str) -> None:
        """Remove a blob, here and there; one that is not there is no error."""
        self._cache.delete(sha256)
        self._at(sha256).remove()

    def join(self, catalogue: str) -> None:
        """Note that a catalogue refers to blobs of this store."""
        note = self._place.below(note_of(catalogue))
        if not note.kind():
            note.write(catalogue.encode())

    def catalogues(self) -> set[str]:
        """Return the catalogues that have ever referred to blobs of this store."""
        folder = self._place.below(CATALOGUES)
        return {folder.below(name).read(MAX_NOTE).decode() for name in folder.children()}

    def _at(self, sha256: str) -> Place:
        return self._place.below(_path(sha256))

    def _intact(self, blob: Blob) -> bool:
        if self.size(blob.sha256) != blob.bytes:
            return False
        with self.open(blob.sha256) as reader:
            return sha256_of(reader) == blob.sha256


class _Blocks(io.RawIOBase):
    """A file that is read from an iterator of blocks."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer)  # type: ignore[arg-type]
        self._rest = self._rest or next(self._blocks, b"")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
