"""JSON from a file that may be hostile: the expected fields or an object, bounded, and an error of one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line, shown
from transfer.files.source import size_of


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


def parsed(text: str | bytes, where: str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: UTF-8.
        where: what it is, as an error calls it: `the model config of fer.h5`.

    Raises:
        ZooError: it is no JSON object, is nested too deeply, or holds NaN or an infinity.
    """
    try:
        found = json.loads(text, parse_constant=lambda name: _refuse(name, where))
    except RecursionError as error:
        raise ZooError(f"{where} is nested too deeply to be a model") from error
    except ValueError as error:  # covers broken UTF-8 and numbers of thousands of digits
        raise ZooError(f"{where} is no JSON: {first_line(error, 200)}", AGAIN) from error
    if not isinstance(found, dict):
        raise ZooError(f"{where} is no JSON object: expected {{...}}, got a {type(found).__name__}")
    return found


def _refuse(name: str, where: str) -> NoReturn:
    raise ZooError(f"{where} holds {name}: expected finite numbers")
