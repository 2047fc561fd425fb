"""Which reader takes a file of weights: the table, and the choice from it. Readers are imported when needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from registry.errors import ZooError
from transfer.weights.foreign import Foreign


@dataclass(frozen=True)
class Reader:
    """One format of weights.

    Attributes:
        format: its name in cards.
        what: for people.
        module: the module whose `read(path)` returns a `Foreign`.
        claims: tells from names and first bytes whether a path is of this format.
    """

    format: str
    what: str
    module: str
    claims: Callable[[Path], bool]

    def read(self, path: Path) -> Foreign:
        """Read the names, shapes and arrays at a path; see the module's `read`."""
        found: Foreign = import_module(self.module).read(path)
        return found


def reader_for(path: Path) -> Reader:
    """Choose the reader of a path.

    Raises:
        ZooError: there is nothing at the path, or no reader claims it.
    """
    for reader in READERS:
        if reader.claims(path):
            return reader
    known = "; ".join(reader.what for reader in READERS)
    raise ZooError(
        f"{path} {'holds no weights that can be read' if path.exists() else 'does not exist'}", f"these can be: {known}"
    )


READERS: tuple[Reader, ...] = ()
