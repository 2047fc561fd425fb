"""JSON from a file that may be hostile: bounded nesting, finite numbers, an object at the top."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from registry.errors import ZooError
from transfer.importers.mistaken import AGAIN


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
        raise ZooError(f"{where} is no JSON: {(str(error).splitlines() or [''])[0][:200]}", AGAIN) from error
    if not isinstance(found, dict):
        raise ZooError(f"{where} is no JSON object: expected {{...}}, got a {type(found).__name__}")
    return found


def _refuse(name: str, where: str) -> NoReturn:
    raise ZooError(f"{where} holds {name}: expected finite numbers")
