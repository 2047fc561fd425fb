"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError

SHOWN = 120  # characters of a path that cannot be one


def typed_path(text: str) -> Path:
    """Return a path, with `~` expanded; there may be nothing at it.

    Raises:
        ZooError: the system can have no such path: the name is too long, or `~NAME` is nobody's.
    """
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    try:
        path = Path(text).expanduser()
        path.exists()
    except OSError as error:
        raise ZooError(f"{shown} is no path: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:  # no such user; a null character
        raise ZooError(f"{shown} is no path: {error}") from error
    return path
