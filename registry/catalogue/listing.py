"""Lists of repos: by name, task and tag, in several orders, without reading more than a list needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from registry.catalogue.engine import Engine
from registry.catalogue.entries import LOCAL
from registry.catalogue.patterns import literal_beginning
from registry.catalogue.peewee_alone import peewee
from registry.catalogue.tables import ANY, KEYWORDS, REPOS, beginning, first, split_tags
from registry.errors import ZooError, near
from registry.model import Summary

ORDERS = {
    "name": (REPOS.name,),
    "updated": (REPOS.updated.desc(), REPOS.name),
    "size": (REPOS.bytes.desc(), REPOS.name),
    "parameters": (REPOS.parameters.desc(), REPOS.name),
}
FEW = 2000  # rows that are sorted at once without being noticed
LINE = (REPOS.name, REPOS.revision, REPOS.task, REPOS.parameters, REPOS.bytes, REPOS.tags, REPOS.updated)


def summaries(engine: Engine, pattern: str, words: Sequence[str], sort: str, limit: int | None) -> list[Summary]:
    """Return repos whose name matches a pattern and which have all keywords.

    Raises:
        ZooError: there is no such order.
    """
    if sort not in ORDERS:
        raise ZooError(f"lists are not sorted by {sort!r}", near(sort, ORDERS))
    names = _names(engine, pattern, words)
    if sort == "name":
        query = _chosen(names.order_by(KEYWORDS.name).limit(limit))
    elif _count(engine, names) < FEW:
        query = _chosen(names)
    else:
        query = _in_order(engine, pattern, words)
    return lines(query.order_by(*ORDERS[sort]).limit(limit).tuples().execute(engine.db))


def lines(rows: Iterable[tuple[Any, ...]]) -> list[Summary]:
    """Make lines of rows of the columns `LINE`."""
    return [
        Summary(name, revision, LOCAL, task, parameters, size, split_tags(tags), updated)
        for name, revision, task, parameters, size, tags, updated in rows
    ]


def _names(engine: Engine, pattern: str, words: Sequence[str]) -> Any:
    """Select the names that fit from the table of keywords, where each keyword has them in order."""
    first, *others = _rarest_first(engine, words) or [ANY]
    fits = [_has(KEYWORDS.name, word) for word in others]
    return KEYWORDS.select(KEYWORDS.name).where(KEYWORDS.word == first, *_named(engine, KEYWORDS.name, pattern), *fits)


def _chosen(names: Any) -> Any:
    """Look up repos by name; the cross join tells SQLite to begin with the names."""
    chosen = names.alias("chosen")
    return peewee.Select([chosen], LINE).join(REPOS, "CROSS JOIN").where(REPOS.name == chosen.c.name)


def _in_order(engine: Engine, pattern: str, words: Sequence[str]) -> Any:
    """Go through all repos and look which fit: quick where many do, as gathering and sorting is where few do."""
    name = REPOS.name.concat("")  # so that the database does not choose the index of names, and sorts
    fits = [_has(REPOS.name, word) for word in words or [ANY]]
    return REPOS.select(*LINE).where(*_named(engine, name, pattern), *fits)


def _has(name: Any, word: str) -> Any:
    also = KEYWORDS.alias("also")
    return peewee.fn.EXISTS(also.select(peewee.SQL("1")).where(also.word == word, also.name == name))


def _named(engine: Engine, column: Any, pattern: str) -> list[Any]:
    if pattern == "*":
        return []
    start = literal_beginning(pattern)
    if start == pattern:
        return [column == pattern]
    inside = [beginning(column, start)] if start else []
    return inside if pattern == f"{start}*" else [*inside, engine.matches(column, pattern)]


def _rarest_first(engine: Engine, words: Sequence[str]) -> list[str]:
    if len(words) < 2:
        return list(words)
    return sorted(words, key=lambda word: _count(engine, KEYWORDS.select(KEYWORDS.name).where(KEYWORDS.word == word)))


def _count(engine: Engine, query: Any) -> int:
    """Count the rows of a query, up to `FEW`."""
    row = first(engine.db, peewee.Select([query.limit(FEW).alias("some")], [peewee.fn.COUNT(peewee.SQL("1"))]))
    return row[0] if row else 0
