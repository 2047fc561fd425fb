"""The binary files of a TF.js model: where they lie, and bytes out of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.importers.tfjs.script import exported

SCRIPTS = (".min.js", ".js")


@dataclass(frozen=True)
class Shard:
    """One file.

    Attributes:
        path: the file.
        size: how many bytes of weights it holds.
        data: the bytes themselves, where it is a script that holds them as base64.
    """

    path: Path
    size: int
    data: bytes | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Return some of its bytes."""
        if self.data is not None:
            return self.data[offset : offset + size]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def found(folder: Path, paths: Sequence[Any], model: Path) -> list[Shard]:
    """Find the shards that a manifest names, beside its model file.

    Raises:
        ZooError: one lies elsewhere, or is missing.
    """
    return [_shard(folder, name, model) for name in paths]


def _shard(folder: Path, name: Any, model: Path) -> Shard:
    if not isinstance(name, str) or not name or "\0" in name or len(name) > 1000:
        raise ZooError(f"{model} names a shard {str(name)[:80]!r}: expected a file name")
    parts = name.replace("\\", "/").split("/")
    path = folder.joinpath(*parts)
    if "://" in name or name.startswith("/") or ".." in parts or ":" in parts[0] or not _inside(path, folder):
        raise ZooError(f"{model} names the shard {name[:200]}, which is not in its folder: only files there are read")
    if path.is_file():
        return Shard(path, path.stat().st_size)
    for ending in SCRIPTS:
        script = path.with_name(path.name + ending)
        if script.is_file() and _inside(script, folder):
            data = unpacked(script)
            return Shard(script, len(data), data)
    raise ZooError(f"the shard {name[:200]} of {model} is missing", f"copy it into {folder}")


def unpacked(path: Path) -> bytes:
    """Return the bytes that a script holds.

    Raises:
        ZooError: it exports no base64 text.
    """
    text = exported(path.read_text("utf-8", "replace"), str(path))
    if not isinstance(text, str):
        raise ZooError(f"{path} exports an object: expected weights as base64 text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ZooError(f"{path} is damaged: its text is not in base64") from error


def taken(shards: Sequence[Shard], offset: int, size: int) -> bytes:
    """Return bytes of the shards as if they were one file."""
    pieces: list[bytes] = []
    for shard in shards:
        if size > 0 and offset < shard.size:
            pieces.append(shard.read(offset, min(size, shard.size - offset)))
            size -= len(pieces[-1])
        offset = max(0, offset - shard.size)
    return b"".join(pieces)


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
