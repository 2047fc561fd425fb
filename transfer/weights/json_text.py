"""JSON beside weights, from a file that may be hostile: a bounded size, the expected fields, an error of one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from registry.errors import ZooError
from transfer.importers.mistaken import AGAIN
from transfer.weights.shown import shown
from transfer.weights.source import size_of


def decoded(path: Path, type: Any, largest: int, fault: str, expected: str = "") -> Any:
    """Read a JSON file as a msgspec type.

    Args:
        path: the file.
        type: what it holds.
        largest: how many bytes it may have.
        fault: how an error begins, `x.index.json is no index of weights`.
        expected: how it goes on, `{'weight_map': {NAME: FILE}}`.

    Raises:
        ZooError: it is larger, or holds something else.
    """
    ending = f"; expected {expected}" if expected else ""
    if size_of(path) > largest:
        raise ZooError(f"{fault}: it has over {largest} bytes{ending}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise ZooError(f"{fault}: {shown(error, 200)}{ending}", AGAIN) from error
