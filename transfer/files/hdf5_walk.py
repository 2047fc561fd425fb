"""Whether HDF5 comes to an end with a file: its library can run in circles in a damaged one, or crash.

Neither can be stopped from inside. So a process of its own walks through the file first, which executes this module as
a script; it imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PATIENCE = 8  # seconds; the walk reads names, attributes and where arrays lie, no numbers
QUIET = {"OPENBLAS_NUM_THREADS": "1"}  # NumPy starts threads when it is imported, a sixth of the process's time


class Slice(io.RawIOBase):
    """Some bytes of an open file as a file, for reading.

    Args:
        file: open for reading bytes, of which `name` is the path.
        begin: where they begin in it.
        size: how many there are.
    """

    def __init__(self, file: Any, begin: int, size: int) -> None:
        super().__init__()
        self.file, self.begin, self.size, self.at = file, begin, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place."""
        self.at = offset + (0 if whence == io.SEEK_SET else self.at if whence == io.SEEK_CUR else self.size)
        return self.at

    def tell(self) -> int:
        """Return the place."""
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Read what follows."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self.at))
        self.file.seek(self.begin + self.at)
        data = self.file.read(count)
        view[: len(data)] = data
        self.at += len(data)
        return len(data)


def problem(file: Path | Slice | io.BytesIO) -> str:
    """Return what HDF5 does with a file that it cannot be given, an empty text where it can."""
    if isinstance(file, io.BytesIO):
        try:
            with tempfile.NamedTemporaryFile() as copy:
                copy.write(file.getbuffer())
                copy.flush()
                return problem(Path(copy.name))
        except OSError as error:
            from registry.errors import ZooError  # not above: the script imports nothing of ours

            raise ZooError(
                f"cannot write to the temporary folder {tempfile.gettempdir()}: {error.strerror or error}",
                "free some space, or set TMPDIR to another folder",
            ) from error
    if isinstance(file, Slice):
        return _walked(Path(file.file.name), file.begin, file.size)
    return _walked(file, 0, file.stat().st_size) if file.is_file() else ""


def _walked(path: Path, begin: int, size: int) -> str:
    command = [sys.executable, "-P", __file__, str(path), str(begin), str(size)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, env=os.environ | QUIET)
    except subprocess.TimeoutExpired:
        return "HDF5 does not come to an end with it"
    return "HDF5 crashes on it" if done.returncode < 0 else ""


def walk(path: str, begin: str, size: str) -> None:
    """Look at every object of a file; what is wrong with them is for the reader to say."""
    import h5py

    with (
        contextlib.suppress(Exception),
        Path(path).open("rb") as file,
        h5py.File(Slice(file, int(begin), int(size))) as f,
    ):
        seen: set[int] = set()
        stack: list[Any] = [f]
        while stack:
            item = stack.pop()
            for name in item.attrs:
                with contextlib.suppress(Exception):
                    item.attrs[name]
            if isinstance(item, h5py.Dataset):
                with contextlib.suppress(Exception):
                    item.id.get_storage_size()
                continue
            for key in item:
                with contextlib.suppress(Exception):
                    if isinstance(item.get(key, getlink=True), h5py.HardLink):
                        inner = item[key]
                        place = h5py.h5o.get_info(inner.id).addr
                        stack += [] if place in seen else [inner]
                        seen.add(place)


if __name__ == "__main__":
    walk(*sys.argv[1:])
