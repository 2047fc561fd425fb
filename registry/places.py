"""A folder or file that fsspec reaches by a URL: local, `s3://bucket/path` and others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from registry.place_errors import S3_LOGIN, explained, no_bucket, unwritable
from registry.ref import check_path
from registry.watch import Progress

EXTRAS = {"s3": ("s3fs", "s3")}
# Without these, botocore asks a server that is down for several minutes, and s3fs shows what it listed earlier.
OPTIONS: dict[str, dict[str, Any]] = {
    "file": {"auto_mkdir": True},
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
    },
}
BLOCK_BYTES = 8 * 2**20
MAX_FILES = 10_000


@dataclass(frozen=True)
class Place:
    """A place and what can be done there; every failure is a `ZooError` that names it.

    Attributes:
        url: as people write it.
        path: as the file system knows it.
    """

    url: str
    path: str
    _fs: Any = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.url.startswith("file:")

    def below(self, path: str) -> Place:
        """Return a place below this one."""
        return Place(f"{self.url}/{path}", self._at(path), self._fs)

    def above(self) -> Place:
        """Return the folder that this is in."""
        return Place(self.url.rpartition("/")[0], self.path.rpartition("/")[0], self._fs)

    def kind(self) -> str:
        """Say what is there: `file`, `directory`, or nothing."""
        with self._failures():
            try:
                return str(self._fs.info(self.path)["type"])
            except (FileNotFoundError, NotADirectoryError) as error:
                if no_bucket(error):
                    raise
                return ""

    def size(self) -> int:
        """Return a file's size in bytes."""
        with self._failures():
            return int(self._fs.size(self.path))

    def modified(self) -> float:
        """Return when a file was last changed, in Unix seconds."""
        with self._failures():
            return float(self._fs.modified(self.path).timestamp())

    def children(self) -> dict[str, str]:
        """Return the names directly below a folder, and what each is: `file` or `directory`."""
        with self._failures():
            try:
                found = self._fs.ls(self.path, detail=True)
            except FileNotFoundError as error:
                if no_bucket(error):
                    raise
                return {}
        paths = {info["name"].rstrip("/"): info["type"] for info in found}
        return {path.rpartition("/")[2]: kind for path, kind in paths.items() if path != self.path}

    def files(self) -> dict[str, int]:
        """Return the files in a folder and below, by their paths relative to it, with their sizes; hidden ones are not.

        Raises:
            ZooError: a path or link leaves the folder, or there are more than a model can have.
        """
        found = _local_files(Path(self.path)) if self.is_local else self._remote_files()
        files: dict[str, int] = {}
        with self._failures():
            for path, size in found:
                if not any(part.startswith(".") for part in self._checked(path).split("/")):
                    files[path] = size
                if len(files) > MAX_FILES:
                    raise ZooError(f"{self.url} has more than {MAX_FILES} files", "name the folder of one model")
        return dict(sorted(files.items()))

    def matching(self, pattern: str) -> list[str]:
        """Return the relative paths of the files that a glob pattern matches."""
        with self._failures():
            return sorted(path.removeprefix(self.path).lstrip("/") for path in self._fs.glob(self._at(pattern)))

    def read(self, most: int) -> bytes:
        """Return a file's content, of at most `most` bytes."""
        with self._failures():
            content = bytes(self._fs.cat_file(self.path, start=0, end=most + 1))
        if len(content) > most:
            raise ZooError(f"{self.url} has more than {most} bytes")
        return content

    def blocks(self, start: int, size: int) -> Iterator[bytes]:
        """Yield a file's bytes from an offset to its size."""
        while start < size:
            with self._failures():
                block = self._fs.cat_file(self.path, start=start, end=min(start + BLOCK_BYTES, size))
            if not block:
                return
            start += len(block)
            yield block

    def write(self, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        with self._failures(unwritable):
            if not self.is_local:  # an object appears when it is complete
                self._fs.pipe_file(self.path, content)
                return
            target = Path(self.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            with open(handle, "wb") as file:  # noqa: PTH123  a handle, not a path
                file.write(content)
            Path(part).chmod(0o644)
            Path(part).replace(target)

    def upload(self, source: Path, path: str, progress: Progress) -> None:
        """Upload a file to a path below; what is there is replaced."""
        hooked = need("fsspec.callbacks", "s3").Callback
        told = 0

        def tell(size: int | None, value: int, **_: object) -> None:
            nonlocal told
            progress.add(value - told, path)
            told = value

        with self._failures(unwritable):
            self._fs.put_file(str(source), self._at(path), callback=hooked(hooks={"watch": tell}))
        progress.add(source.stat().st_size - told, path)

    def remove(self) -> None:
        """Remove a file; one that is not there is no error."""
        with self._failures():
            try:
                self._fs.rm_file(self.path)
            except FileNotFoundError:
                return

    def walk(self) -> Iterator[tuple[str, int]]:
        """Yield every file below by its relative path, with its size; nothing where there is no such folder."""
        if self.kind():
            yield from self._remote_files()

    def _at(self, path: str) -> str:
        return f"{self.path.rstrip('/')}/{path}"

    def _checked(self, path: str) -> str:
        try:
            return check_path(path)
        except ValueError as error:
            raise ZooError(f"{self.url} cannot be used: {error}") from error

    def _remote_files(self) -> Iterator[tuple[str, int]]:
        for path, info in self._fs.find(self.path, detail=True).items():
            if info["type"] == "file" and not path.endswith("/"):  # S3 consoles mark folders by such objects
                yield path.removeprefix(self.path).removeprefix("/"), int(info["size"] or 0)

    @contextmanager
    def _failures(self, missing: Callable[[str, str], ZooError] | None = None) -> Iterator[None]:
        """Translate the errors of file systems; each library has its own, which is why all are caught.

        Args:
            missing: what to say, of an address and the system's words, where something is not there; that it is not.
        """
        try:
            yield
        except ZooError:
            raise
        except Exception as error:
            if missing and isinstance(error, FileNotFoundError) and not no_bucket(error):
                raise missing(self.url, error.strerror or str(error)) from error
            raise explained(error, self.url) from error


def open_place(url: str) -> Place:
    """Return the place that a URL names; nothing is asked of it yet.

    Raises:
        ZooError: no such file system is known or installed.
    """
    scheme = url.partition(":")[0]
    if scheme in EXTRAS:
        need(*EXTRAS[scheme])
    if scheme in EXTRAS and "@" in url.partition("://")[2].partition("/")[0]:
        raise ZooError("a bucket's address has no user and password", S3_LOGIN)
    if "::" in url:
        raise ZooError(f"{url} cannot be opened: file systems are not chained here", "name one place")
    try:
        files = need("fsspec", "s3").filesystem(scheme, **OPTIONS.get(scheme, {}))
    except ImportError as error:
        raise ZooError(f"{url} cannot be opened: {error}", "install the package that it names") from error
    except (ValueError, TypeError) as error:  # each file system wants arguments of its own
        raise ZooError(f"{url} cannot be opened: {error}") from error
    path = url.removeprefix("file:") if scheme == "file" else str(files._strip_protocol(url))
    return Place(url, path, files)


def _local_files(root: Path) -> Iterator[tuple[str, int]]:
    """Walk a folder; links are followed to files in the same folder only, and never to folders."""
    inside = root.resolve()
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(folder, name) for name in [*sorted(names), *folders]):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise ZooError(
                    f"{path} is a link to {path.resolve()}, which is not in {root}", "put a copy in place of the link"
                )
            if path.is_file():
                yield path.relative_to(root).as_posix(), path.stat().st_size


def _raise(error: OSError) -> None:
    raise ZooError(f"cannot read {error.filename}: {error.strerror}") from error
