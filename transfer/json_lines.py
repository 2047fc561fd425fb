"""A file with a JSON value a line, which is only ever added to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from registry.errors import ZooError

T = TypeVar("T")


def append(path: Path, values: Iterable[object]) -> None:
    """Add values; half a line at the end, which a killed process left, is taken off first."""
    with path.open("ab+") as file:
        file.seek(0)
        end = file.read().rfind(b"\n") + 1
        file.truncate(end)
        file.writelines(msgspec.json.encode(value) + b"\n" for value in values)


def read(path: Path, kind: type[T]) -> list[T]:
    """Read all whole lines; none of a file that is not there.

    Raises:
        ZooError: a line is no such value.
    """
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise ZooError(f"{path}: line {number} cannot be read: {error}") from error
    return found
