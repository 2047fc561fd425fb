"""Optional dependencies: imported when needed, with an error that names the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from registry.errors import ZooError


def need(module: str, extra: str) -> Any:
    """Import a module that an extra brings.

    Raises:
        ZooError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ZooError(
            f"this needs the Python package {error.name!r}, which is not installed", f"pip install 'zoo[{extra}]'"
        ) from error
