"""Full-text search: candidates from the database's index, ranked here, so that both databases answer alike."""

from __future__ import annotations

from collections.abc import Sequence

from registry.catalogue.engine import Engine
from registry.catalogue.listing import LINE, lines
from registry.catalogue.tables import REPOS, batches, beginning, printable
from registry.catalogue.words import in_name, words_of
from registry.model import Summary

CANDIDATES = 500  # of each kind: a word that everything has must not make everything be ranked
MOST_WORDS = 6  # that a model must have; of a long question the rest counts for the order only


def search(engine: Engine, query: str, limit: int) -> list[Summary]:
    """Return the repos that have every word of a query, or words that begin with it; the best first."""
    words = words_of(query)
    if not words:
        return []
    needed = words[:MOST_WORDS]
    ids = {id: None for some in (in_name(needed), needed) for id in engine.texts.newest(some, CANDIDATES)}
    found = {line.name: line for some in batches(ids, CANDIDATES) for line in _lines(engine, REPOS.id << some)}
    if len(ids) >= CANDIDATES:  # what is called so must not be missed for being old
        found |= {line.name: line for line in _lines(engine, REPOS.name == printable(query.strip()))}
    return sorted(found.values(), key=lambda line: rank(line, words))[:limit]


def rank(line: Summary, words: Sequence[str]) -> tuple[float, float, str]:
    """Return a key that sorts the best first: hits in the name, then in tags and task; then the youngest.

    >>> from registry.model import Summary
    >>> def line(name): return Summary(name, "", "local", "", 0, 0, ())
    >>> sorted(["a-mnist-b", "mnists", "mnist"], key=lambda name: rank(line(name), ["mnist"]))
    ['mnist', 'a-mnist-b', 'mnists']
    """
    name = words_of(line.name)
    marks = words_of(" ".join((line.task, *line.tags)))
    hits = sum(_hit(word, name, 8, 5) or _hit(word, marks, 3, 2) for word in words)
    return (-hits - (4 if name == list(words) else 0), -line.updated, line.name)


def _hit(word: str, texts: Sequence[str], whole: float, begun: float) -> float:
    if word in texts:
        return whole
    return begun if any(text.startswith(word) for text in texts) else 0


def _lines(engine: Engine, condition: object) -> list[Summary]:
    query = REPOS.select(*LINE).where(condition, REPOS.revision != "")
    return lines(query.tuples().execute(engine.db))


def nearby(engine: Engine, name: str, most: int) -> list[str]:
    """Return names that `name` may have been meant for; all names where they are few.

    Otherwise: those one letter away, the neighbours in the order of names, and those that share a word with it.
    """
    name = printable(name)
    every = _names(engine, most + 1)
    if len(every) <= most:
        return every
    found: dict[str, None] = {}
    for some in batches(one_letter_away(name), 5000):
        found.update(dict.fromkeys(_names(engine, most, REPOS.name << some)))
    for length in range(len(name), 2, -1):
        found.update(dict.fromkeys(_names(engine, 20, beginning(REPOS.name, name[:length]))))
    found.update(dict.fromkeys(_names(engine, 50, REPOS.name < name, order=REPOS.name.desc())))
    for word in words_of(name):
        ids = engine.texts.newest(in_name([word]), 100)
        found.update(dict.fromkeys(_names(engine, most, REPOS.id << ids)))
    return list(found)[:most]


def one_letter_away(name: str) -> set[str]:
    """Return what a name becomes by leaving out, adding, changing or swapping letters once.

    >>> sorted(one_letter_away("a") & {"", "a-", "b", "ab", "abc"})
    ['', 'a-', 'ab', 'b']
    """
    splits = [(name[:at], name[at:]) for at in range(len(name) + 1)]
    out = {a + b[1:] for a, b in splits if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-./_"
    changed = {a + letter + b[1:] for a, b in splits if b for letter in letters}
    added = {a + letter + b for a, b in splits for letter in letters}
    return (out | swapped | changed | added) - {name}


def _names(engine: Engine, most: int, *conditions: object, order: object = REPOS.name) -> list[str]:
    query = REPOS.select(REPOS.name).where(REPOS.revision != "", *conditions).order_by(order).limit(most)
    return [name for (name,) in query.tuples().execute(engine.db)]
