"""Archives made into folders, whatever the archive says: tar (plain, gzip, bzip2, xz) and zip.

Members are read one after another and written by this file alone: of the archive's own account only the names, and
whether a member is a file or a folder, are used. Sizes are counted while reading. Links, devices, sparse and encrypted
members have no place in a model and are refused.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from registry.errors import ZooError
from registry.ref import check_path

MOST_BYTES = 64 * 2**30
MOST_MEMBERS = 100_000
READ_BYTES = 2**20
HEAD_BYTES = tarfile.BLOCKSIZE
OVERHEAD = 4096  # what a tar file may spend on one member's headers and padding
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
COMPRESSED = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ\x00": lzma.LZMAFile}
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, ValueError, RecursionError, MemoryError,
)  # fmt: skip


class RefusedError(Exception):
    """Why an archive is not unpacked."""


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes; none at the end."""
        ...


@dataclass(frozen=True)
class Member:
    """One member: its name as stored, whether it is a folder, why it is refused if it is, and how to read it."""

    name: str
    folder: bool
    odd: str
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, into: Path, *, most_bytes: int = MOST_BYTES, most_members: int = MOST_MEMBERS) -> list[str]:
    """Unpack an archive into a folder, all or nothing.

    Args:
        archive: its kind is told by its content, not by its name.
        into: made if it is not there; nothing that it holds is replaced. A killed call leaves a part in it.
        most_bytes: how large the files may be together.
        most_members: how many files and folders there may be.

    Returns:
        The files' paths relative to `into`, sorted.

    Raises:
        ZooError: it is no such archive, broken, larger than allowed, or one of its members is none that a model may
            have; whatever was unpacked is removed.
    """
    writer = _Writer(into, most_bytes, most_members)
    try:
        for member in _members(archive, most_bytes + most_members * OVERHEAD):
            writer.write(member)
        if not writer.files:
            raise RefusedError("it holds no files")
    except (RefusedError, OSError, NotImplementedError, *BROKEN) as error:
        writer.undo()
        raise _explained(error, f"{archive.name}{writer.place}", into) from error
    except BaseException:
        writer.undo()
        raise
    return sorted(writer.files)


def kind_of(head: bytes) -> str:
    """Tell an archive by its first 512 bytes: `zip`, `tar`, or nothing where it is neither.

    >>> kind_of(b"PK" + bytes([3, 4]))
    'zip'
    >>> kind_of(b"<!DOCTYPE html>")
    ''
    """
    if head.startswith(ZIP):
        return "zip"
    if head.startswith(tuple(COMPRESSED)):
        return "tar"
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return ""
    return "tar"


def looks_like_a_page(head: bytes) -> bool:
    """Say whether what should be an archive is a web page: an error, or a form to sign in."""
    return head.lstrip().startswith(b"<")


def _explained(error: BaseException, place: str, into: Path) -> ZooError:
    if isinstance(error, RefusedError):
        return ZooError(f"cannot unpack {place}: {error}", "nothing of it was kept")
    if isinstance(error, BROKEN):
        return ZooError(f"cannot unpack {place}: it is broken or cut short ({error})", "download it again")
    reason = getattr(error, "strerror", None) or error
    return ZooError(f"cannot unpack {place} into {into}: {reason}", "nothing of it was kept")


@dataclass
class _Writer:
    """Writes members below a folder, counts them, and remembers what to remove."""

    into: Path
    most_bytes: int
    most_members: int
    place: str = ""  # the member at hand, for messages
    bytes: int = 0
    members: int = 0
    files: list[str] = field(default_factory=list)
    made: list[Path] = field(default_factory=list)

    def write(self, member: Member) -> None:
        self.place = f", member {member.name!r}"
        self.members += 1
        if self.members > self.most_members:
            raise RefusedError(f"the archive has more than {self.most_members} members")
        if member.odd:
            raise RefusedError(f"it is {member.odd}; only files and folders are unpacked")
        path = member.name.removeprefix("./")
        if member.folder:
            path = path.removesuffix("/")
        if not (member.folder and path in ("", ".")):
            self._write(path, member)
        self.place = ""

    def undo(self) -> None:
        for path in reversed(self.made):
            with suppress(OSError):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()

    def _write(self, path: str, member: Member) -> None:
        try:
            target = self.into / check_path(path)
        except ValueError as error:
            raise RefusedError(str(error)) from error
        try:
            self._folder(target if member.folder else target.parent)
            if not member.folder:
                self._file(target, member)
                self.files.append(path)
        except (FileExistsError, NotADirectoryError) as error:
            raise RefusedError("its place is taken by another file") from error

    def _folder(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            self.made.append(path)
        if not folder.is_dir():
            raise NotADirectoryError
        if not folder.resolve().is_relative_to(self.into.resolve()):
            raise RefusedError(f"a link in {self.into} leads out of it")

    def _file(self, target: Path, member: Member) -> None:
        reader = member.open()
        if reader is None:
            raise tarfile.ReadError("it cannot be read")
        with reader, target.open("xb") as writer:
            self.made.append(target)
            while block := reader.read(READ_BYTES):
                self.bytes += len(block)
                if self.bytes > self.most_bytes:
                    raise RefusedError(f"the archive unpacks to more than {self.most_bytes} bytes")
                writer.write(block)


def _members(archive: Path, most_read: int) -> Iterator[Member]:
    with archive.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = kind_of(head)
    if not kind:
        page = "; it looks like a web page" if looks_like_a_page(head) else ""
        raise RefusedError(f"it is no tar or zip file{page}")
    return _zip_members(archive) if kind == "zip" else _tar_members(archive, head, most_read)


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            name = info.orig_filename  # `filename` is cut at a NUL
            yield Member(name, name.endswith("/"), _zip_oddity(info), partial(file.open, info))


def _zip_oddity(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "encrypted"
    plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
    return "" if plain else "a link or a device"


def _tar_members(archive: Path, head: bytes, most_read: int) -> Iterator[Member]:
    opener = next((opener for magic, opener in COMPRESSED.items() if head.startswith(magic)), open)
    with opener(archive, "rb") as file:
        stream = _Forward(file, most_read)
        with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
            while info := tar.next():
                plain = info.isdir() or (info.isreg() and not info.issparse())
                odd = "" if plain else "a link, a device or a sparse file"
                yield Member(info.name, info.isdir(), odd, partial(tar.extractfile, info))
                tar.members.clear()  # kept for a second pass that nobody makes
        stream.finish()


class _Forward:
    """A tar file's bytes for `tarfile`: never backwards, no large piece at once, and not more than allowed.

    So a header that claims gigabytes takes no memory, and offsets that point back end the reading
    (CVE-2025-8194) in every version of Python.
    """

    def __init__(self, file: Readable, most: int) -> None:
        self._file = file
        self._most = most
        self._at = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= READ_BYTES:
            raise RefusedError(f"one of its headers claims {size} bytes")
        self._last = self._file.read(size)
        self._at += len(self._last)
        if self._at > self._most:
            raise RefusedError(f"the archive unpacks to more than {self._most} bytes")
        return self._last

    def seek(self, position: int) -> None:
        if position < self._at:
            raise tarfile.ReadError("it points backwards")
        while self._at < position and self.read(min(READ_BYTES, position - self._at)):
            pass

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def finish(self) -> None:
        """Check that the archive ended with its end mark, and read the rest, so that its checksum is compared."""
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing")
        while self.read(READ_BYTES):
            pass
