"""Feature files that machines share: in a bucket, or wherever fsspec writes files whole, as `<url>/<key>/<name>.h5`.

A file's name is that of its samples, and its folder that of all that their features depend on. So a file never changes,
and what two machines put there under one name is the same but for the moment that it was written at. Beside it lies
`<name>.samples`, the digests of its samples, 32 bytes each: who needs a few of the millions that a key has fetches the
files that hold these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from registry.errors import ZooError
from registry.places import open_place
from registry.watch import Progress, Watch, silent
from transfer.cache_checks import faults_of
from transfer.cache_files import SUFFIX, UNREADABLE, layout, name_of, samples_of, shards_in
from transfer.cache_opened import new_file
from transfer.data.records import Digests
from transfer.digest_index import Index

NAME = re.compile(rf"[0-9a-f]{{32}}\{SUFFIX}")
SAMPLES = ".samples"  # in place of SUFFIX


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

    def fetch(self, wanted: Mapping[Path, Digests], watch: Watch = silent) -> None:
        """Fetch the files that hold some samples; each appears whole, with its checksums checked.

        Args:
            wanted: the folder of each key, and the digests of the samples that it lacks.
            watch: where progress goes.

        Raises:
            ZooError: a file is damaged; it is named.
        """
        for folder, samples in wanted.items():
            here, index = {path.name for path in shards_in(folder)}, Index(samples)
            lacking = sorted(self.names(folder.name) - here) if len(samples) else []
            for done, name in enumerate(lacking, start=1):
                if self._holds(folder.name, name, index):
                    self.fetch_one(folder / name)
                watch("fetch features", done, len(lacking))

    def _holds(self, key: str, name: str, wanted: Index) -> bool:
        """Tell whether a file holds some of the wanted samples; also where it does not say which it holds."""
        place = self._place.below(f"{key}/{_beside(name)}")
        if not place.kind():  # what put the file there was killed, or of an earlier version
            return True
        held = np.frombuffer(b"".join(place.blocks(0, place.size())), np.uint8)
        whole = len(held) % 32 == 0 and name_of(held.reshape(-1, 32)) == name
        return not whole or bool((wanted.find(held.reshape(-1, 32)) >= 0).any())

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
        """Put a complete file there, and beside it what it holds; an object store shows each when it has all of it."""
        name = f"{path.parent.name}/{path.name}"
        with path.open("rb") as file:
            samples = samples_of(file, layout(path))
        self._place.below(f"{path.parent.name}/{_beside(path.name)}").write(samples.tobytes())
        self._place.upload(path, name, Progress(silent, "upload", path.stat().st_size))


def _beside(name: str) -> str:
    return name.removesuffix(SUFFIX) + SAMPLES


def _write(file: BinaryIO, block: bytes) -> None:
    """Write all of a block: on a disk that is nearly full the system takes a part of it, and says why the next time."""
    left = memoryview(block)
    while left:
        left = left[file.write(left) :]
