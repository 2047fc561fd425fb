"""Feature files that machines share: in a bucket, or wherever fsspec writes files whole, as `<url>/<key>/<name>.h5`.

A file's name is that of its samples, and its folder that of all that their features depend on. So a file never changes,
and what two machines put there under one name is the same but for the moment that it was written at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from registry.errors import ZooError
from registry.places import open_place
from registry.watch import Progress, Watch, silent
from transfer.cache_checks import faults_of
from transfer.cache_files import SUFFIX, UNREADABLE, layout, shards_in
from transfer.cache_opened import new_file

NAME = re.compile(rf"[0-9a-f]{{32}}\{SUFFIX}")


class SharedShards:
    """The feature files at an fsspec URL.

    Args:
        url: such as `s3://bucket/features`.

    Raises:
        ZooError: by every method: the place cannot be reached, or refuses; or it is no object store.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if "://" not in self.url or self.url.startswith("file:"):
            raise ZooError(f"ZOO_CACHE={url} is no object store", "set ZOO_HOME to a folder that all machines see")
        self._place = open_place(self.url)

    def __reduce__(self) -> tuple[type[SharedShards], tuple[str]]:
        return SharedShards, (self.url,)

    def names(self, key: str) -> set[str]:
        """Return the names of a key's files."""
        found = self._place.below(key).children()
        return {name for name, kind in found.items() if kind == "file" and NAME.fullmatch(name)}

    def fetch(self, folders: Sequence[Path], watch: Watch = silent) -> None:
        """Fetch the files of some keys that their folders lack; each appears whole, with its checksums checked.

        Raises:
            ZooError: one is damaged; it is named.
        """
        here = {path for folder in folders for path in shards_in(folder)}
        there = {folder / name for folder in folders for name in self.names(folder.name)}
        lacking = sorted(there - here)
        for done, path in enumerate(lacking, start=1):
            self.fetch_one(path)
            watch("fetch features", done, len(lacking))

    def fetch_one(self, path: Path) -> None:
        """Fetch a file to its place in the cache."""
        place = self._place.below(f"{path.parent.name}/{path.name}")
        size = place.size()
        file, temporary = new_file(path.parent)  # locked, so that nobody reads it before it is checked
        try:
            with file:
                for block in place.blocks(0, size):
                    _write(file, block)
                try:
                    wrong = list(faults_of(file, path, layout(temporary)))
                except UNREADABLE as error:
                    wrong = [str(error)]
                if wrong:
                    raise ZooError(f"{place.url} is damaged: {wrong[0]}", "remove it there; it is made again")
                temporary.replace(path)
        except OSError as error:
            raise ZooError(
                f"cannot write {path}: {error.strerror or error}",
                "free some space (zoo cache prune --max 10GB), or set ZOO_HOME to a folder that you can write to",
            ) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def share(self, folders: Sequence[Path], watch: Watch = silent) -> None:
        """Put the complete files of some keys there, as far as they are not."""
        there = {folder / name for folder in folders for name in self.names(folder.name)}
        lacking = [path for folder in folders for path in shards_in(folder) if path not in there]
        for done, path in enumerate(lacking, start=1):
            self.put(path)
            watch("share features", done, len(lacking))

    def put(self, path: Path) -> None:
        """Put a complete file there; an object store shows it when it has all of it."""
        name = f"{path.parent.name}/{path.name}"
        self._place.upload(path, name, Progress(silent, "upload", path.stat().st_size))


def _write(file: BinaryIO, block: bytes) -> None:
    """Write all of a block: on a disk that is nearly full the system takes a part of it, and says why the next time."""
    left = memoryview(block)
    while left:
        left = left[file.write(left) :]
