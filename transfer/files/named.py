"""Refusals that say which file they are about, and what to do next."""

from __future__ import annotations

import re
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
        says = _names(error.message, Path(path))
        if says and error.hint:
            raise
        raise ZooError(error.message if says else f"{path}: {error.message}", error.hint or ELSEWHERE) from error


def _names(message: str, path: Path) -> bool:
    """Tell whether a message names a path or a file beside it: as words of their own, for a folder may be called `m`.

    >>> _names("cannot read m/net.index", Path("m/net")), _names("no room for my/net", Path("m/frozen.pb"))
    (True, False)
    """
    beside = "" if path.is_dir() or path.parent == Path() else rf"|{re.escape(str(path.parent))}/"
    return re.search(rf"(?<![\w./-])({re.escape(str(path))}(?![\w-]){beside})", message) is not None
