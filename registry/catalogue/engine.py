"""What the catalogue needs of a database beyond the SQL that all understand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Text:
    """What a repo is found by: words in lower case, each once."""

    id: int
    words: Sequence[str]


class Texts(Protocol):
    """The full-text index."""

    def put(self, texts: Sequence[Text]) -> None:
        """Add repos that are not in it."""
        ...

    def remove(self, id: int) -> None:
        """Take a repo out."""
        ...

    def newest(self, words: Sequence[str], most: int) -> list[int]:
        """Return the youngest repos that have all the words, or words that begin with them."""
        ...


class Engine(Protocol):
    """A database: how it is opened, locked, and asked what SQL has no common words for.

    Attributes:
        place: how messages name it; without a password.
        dialect: `sqlite` or `postgresql`.
        db: peewee's database, one connection a thread.
    """

    place: str
    dialect: str
    db: Any

    @property
    def texts(self) -> Texts:
        """The full-text index."""
        ...

    def present(self) -> bool:
        """Say whether there is anything to look into."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """Open a connection unless this thread has one; turn what the database says into `ZooError`."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Hold the writer's lock, which one process at a time has, and commit at the end."""
        ...

    def prepare(self) -> None:
        """Make sure that there is a place to write to, or raise `ZooError`."""
        ...

    def prepare_schema(self) -> None:
        """Do what must precede a migration's transaction; raise `ZooError` where the database is not ours."""
        ...

    def version(self) -> int:
        """Return the schema's version; 0 where there are no tables."""
        ...

    def set_version(self, version: int) -> None:
        """Remember the schema's version."""
        ...

    def matches(self, column: Any, pattern: str) -> Any:
        """Make the condition that a column of names matches a shell pattern."""
        ...

    def problems(self) -> Iterable[str]:
        """Check the database's own structures."""
        ...

    def close(self) -> None:
        """Close this thread's connection."""
        ...
