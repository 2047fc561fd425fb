"""The tables, and how rows get into them; `registry.catalogue.migrations` creates them.

Tables are not bound to a database: every query is given one, so that a process can use several at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from registry.catalogue.peewee_alone import peewee

T = TypeVar("T")

MOST_PARAMETERS = 30_000  # SQLite takes 32,766 in a statement, PostgreSQL 65,535

# A name, and beside it what lists show of the head of `main`; `revision` is empty where there is no such branch.
REPOS: Any = peewee.Table(
    "repos", ("id", "name", "created", "revision", "task", "parameters", "bytes", "tags", "updated")
)
# A revision belongs to its repo: two repos may hold the same content. `parent` is the revision in the card's lineage;
# `card` and `text` are packed.
COMMITS: Any = peewee.Table(
    "commits",
    ("id", "repo", "branch", "revision", "previous", "created", "origin", "parent", "manifest", "card", "text"),
)
LABELS: Any = peewee.Table("labels", ("repo", "name", "kind", "revision", "manifest"))
FILES: Any = peewee.Table("files", ("commit_id", "path", "bytes", "sha256"))
SIGNATURES: Any = peewee.Table("signatures", ("commit_id", "sha256", "created"))
# `task=...` and `tag=...` of every head, and `ANY`, by the repo's name: so lists are read in the order of names.
KEYWORDS: Any = peewee.Table("keywords", ("word", "name"))

ANY = ""  # the keyword of everything that is listed

# Every column that names a blob.
BLOBS: tuple[Any, ...] = (FILES.sha256, COMMITS.revision, COMMITS.manifest, LABELS.manifest, SIGNATURES.sha256)


def keywords(task: str, tags: Sequence[str]) -> list[str]:
    """Return the words that lists are filtered by."""
    return sorted({ANY, f"task={task}", *(f"tag={tag}" for tag in tags)})


def join_tags(tags: Sequence[str]) -> str:
    """Write tags as one column; the inverse of `split_tags`."""
    return "\n".join(map(printable, tags))


def printable(text: str) -> str:
    """Return a text that every database takes and that no query needs to escape."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def split_tags(column: str) -> tuple[str, ...]:
    """Read tags from their column."""
    return tuple(column.split("\n")) if column else ()


def pack(text: bytes) -> bytes:
    """Compress a text that is only ever read as a whole: cards are most of a catalogue, and shrink to a fifth."""
    return zlib.compress(text, 1)


def unpack(packed: bytes) -> bytes:
    """Return a text that was packed; a damaged one is an error of the database."""
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise peewee.DataError(f"a stored text is damaged: {error}") from error


def insert(db: Any, table: Any, rows: Sequence[Sequence[Any]]) -> None:
    """Insert full rows, many a statement."""
    columns = table._columns
    names = ", ".join(columns)
    row = f"({', '.join([db.param] * len(columns))})"
    for some in batches(rows, MOST_PARAMETERS // len(columns)):
        values = [value for line in some for value in line]
        db.execute_sql(f"INSERT INTO {table.__name__} ({names}) VALUES {', '.join([row] * len(some))}", values)


def next_id(db: Any, table: Any) -> int:
    """Return a number above all that a table has; only the holder of the writer's lock may rely on it."""
    highest = table.select(peewee.fn.MAX(table.id)).tuples().execute(db)[0][0]
    return (highest or 0) + 1


def first(db: Any, query: Any) -> tuple[Any, ...] | None:
    """Return a query's first row."""
    return next(iter(query.tuples().execute(db)), None)


def beginning(column: Any, text: str) -> Any:
    """Make the condition that an ASCII column begins with a text, in a form that its index serves."""
    return (column >= text) & (column < text + "~")  # no name and no revision holds a "~" or anything above it


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split into lists of at most `size`."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
