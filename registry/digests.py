"""Whether a downloaded file is the one that its source announced."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.errors import ZooError

READ_BYTES = 2**20


def _git_sha1(size: int) -> Any:
    """Start a git blob's name; https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


ALGORITHMS: dict[str, tuple[int, Callable[[int], Any]]] = {  # name: hex digits, and from a size to a hash
    "sha256": (64, lambda size: hashlib.sha256()),
    "git-sha1": (40, _git_sha1),
    "md5": (32, lambda size: hashlib.md5(usedforsecurity=False)),
}


def check(path: Path, digest: str, size: int | None) -> None:
    """Compare a file with what is known of it; what to do with a wrong one is the caller's.

    Args:
        path: the file.
        digest: `sha256:<hex>`, `git-sha1:<hex>` or `md5:<hex>`; empty where it is not known.
        size: in bytes; None where it is not known.

    Raises:
        ZooError: the file is another, or the digest's algorithm is unknown.
    """
    algorithm, _, expected = digest.lower().partition(":")
    if digest:
        _check_digest(digest, algorithm, expected)
    length = path.stat().st_size
    if size is not None and size != length:
        raise ZooError(f"{path.name} is not what its source announced: expected {size} bytes, got {length}")
    if digest and (got := _hashed(path, ALGORITHMS[algorithm][1](length))) != expected:
        raise ZooError(f"{path.name} is not what its source announced: expected {algorithm} {expected}, got {got}")


def _check_digest(digest: str, algorithm: str, expected: str) -> None:
    if algorithm not in ALGORITHMS:
        raise ZooError(f"{digest!r} is no digest that can be checked: expected one of {', '.join(ALGORITHMS)}")
    digits = ALGORITHMS[algorithm][0]
    if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", expected):
        raise ZooError(f"{digest!r} is no digest: expected {digits} hexadecimal digits after {algorithm}:")


def _hashed(path: Path, running: Any) -> str:
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            running.update(block)
    return str(running.hexdigest())
