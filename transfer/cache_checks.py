"""The checksums of a feature file: every byte of it is covered by one of them.

CRC-32 (`zlib`, in the standard library): it finds every burst of up to 32 bits, and others but for one in 2^32, at
2 GB/s, which is several times the speed of the network or the disk that it waits for. What is to be found here is
decay, and no attack.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from registry.watch import Watch, silent
from transfer.cache_files import (
    BLOCK,
    UNFINISHED,
    UNREADABLE,
    Layout,
    Place,
    checks_of,
    done_of,
    layout,
    name_of,
    samples_of,
)  # fmt: skip
from transfer.cache_locks import shared

PIECE = 2**22  # bytes that are read at once


def outside(file: BinaryIO, found: Layout) -> int:
    """Return the CRC-32 of all bytes of a file that do not change while it is filled."""
    total, start = 0, 0
    end = file.seek(0, 2)
    for place in (*(place for place in found.places if place is not found.samples), Place(end, (0,), "|u1")):
        total = _crc(file, start, place.offset, total)
        start = max(start, place.end)
    return total


def faults(path: Path, watch: Watch = silent) -> Iterator[str]:
    """Read a file whole, and say what is wrong with it; nothing where all is as it was written.

    Raises:
        FileNotFoundError: it was removed, or others are writing it.
    """
    with path.open("rb") as file:
        if not shared(file, complete=not path.name.startswith(UNFINISHED)):
            raise FileNotFoundError(path)
        try:
            found = layout(path)
        except UNREADABLE as error:
            yield str(error)
            return
        yield from faults_of(file, path, found, watch)


def faults_of(file: BinaryIO, path: Path, found: Layout, watch: Watch = silent) -> Iterator[str]:
    """Say what is wrong with a file that is open and locked; `path` is the name that it has, or is to have."""
    checks, done, n = checks_of(file, found), done_of(file, found), found.samples.shape[0]
    complete = not path.name.startswith(UNFINISHED)
    if outside(file, found) != checks[0]:
        yield "what describes its features, or the digests of its samples, is damaged"
    elif complete and name_of(samples_of(file, found)) != path.name:
        yield "its name is that of other samples"
    if not 0 <= done <= n or (complete and done < n):
        yield f"it counts {done:,} of {n:,} samples"
        done = max(0, min(done, n))
    for number, (place, scope) in enumerate(zip(found.tensors, found.scopes, strict=True)):
        for block in range(-(-done // BLOCK)):
            first, last = block * BLOCK, min((block + 1) * BLOCK, n)
            got = _crc(file, place.offset + first * place.row, place.offset + last * place.row)
            if got != checks[1 + number * found.blocks + block]:
                yield f"the features {scope} of its samples {first:,} to {last - 1:,} are damaged"
            watch(f"verify {path.parent.name[:12]}", number * n + last, len(found.tensors) * n)


def _crc(file: BinaryIO, start: int, end: int, total: int = 0) -> int:
    file.seek(start)
    while start < end:
        piece = file.read(min(PIECE, end - start))
        if not piece:
            break
        total, start = zlib.crc32(piece, total), start + len(piece)
    return total
