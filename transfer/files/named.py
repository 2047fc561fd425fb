"""Refusals that say which file they are about, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import ZooError

ELSEWHERE = "get it again from where it was published, or take the model in another format"


@contextmanager
def named(path: Path | str) -> Iterator[None]:
    """Put the path in front of refusals that name neither it nor a file beside it, and a hint where there is none.

    >>> with named("net/m.pb"):
    ...     raise ZooError("the graph has no operations")
    Traceback (most recent call last):
    registry.errors.ZooError: net/m.pb: the graph has no operations

    Raises:
        ZooError: what was raised inside.
    """
    try:
        yield
    except ZooError as error:
        known = Path(path) if Path(path).is_dir() or Path(path).parent == Path() else Path(path).parent
        says = any(str(place) in error.message for place in (path, known))
        if says and error.hint:
            raise
        raise ZooError(error.message if says else f"{path}: {error.message}", error.hint or ELSEWHERE) from error
