"""Rows of new commits. The caller holds the writer's lock."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.card import Card
from registry.catalogue.engine import Engine, Text
from registry.catalogue.entries import LOCAL
from registry.catalogue.tables import (
    COMMITS,
    FILES,
    KEYWORDS,
    LABELS,
    REPOS,
    insert,
    join_tags,
    keywords,
    next_id,
    pack,
    printable,
    split_tags,
)
from registry.catalogue.words import model_words
from registry.model import Model, Summary
from registry.ref import MAIN, SHORTEST

BATCH = 10_000  # new repos in one transaction
_PARENT = re.compile(rf"@([0-9a-f]{{{SHORTEST},64}})$")

# The columns of a repo that lists show, and what they hold where there is no branch `main`.
SHOWN = (REPOS.revision, REPOS.task, REPOS.parameters, REPOS.bytes, REPOS.tags, REPOS.updated)
NOTHING_SHOWN = ("", "", 0, 0, "", 0.0)


@dataclass(frozen=True)
class New:
    """A commit that is to be made.

    Attributes:
        model: name, card, revision, origin and time.
        zoo_json: the card's text, which the revision is the sha256 of.
        branch: the branch that it goes to.
        text: what else it is found by.
        manifest: the sha256 of a blob, or empty.
        previous: the revision that the branch named before; None where there was no branch.
    """

    model: Model
    zoo_json: bytes
    branch: str = MAIN
    text: str = ""
    manifest: str = ""
    previous: str | None = None


def new(
    zoo_json: bytes, card: Card, *, name: str = "", origin: str = "", created: float | None = None, **others: Any
) -> New:
    """Describe a commit of a card and its text."""
    revision = hashlib.sha256(zoo_json).hexdigest()
    when = time.time() if created is None else created
    return New(Model(name or card.name, card, revision, LOCAL, origin, when), zoo_json, **others)


def add_repos(engine: Engine, news: Sequence[New]) -> None:
    """Add repos of one commit each; their names must be free."""
    db = engine.db
    start = next_id(db, REPOS)
    repos = list(enumerate(news, start))
    insert(db, REPOS, [_repo_row(id, one) for id, one in repos])
    add_commits(engine, repos)
    insert(db, LABELS, [(id, one.branch, "branch", one.model.revision, None) for id, one in repos])
    heads = [(id, one) for id, one in repos if one.branch == MAIN]
    insert(db, KEYWORDS, [row for _, one in heads for row in keyword_rows(one.model.summary)])
    engine.texts.put([text_of(id, one.model, one.text) for id, one in heads])


def add_commits(engine: Engine, news: Sequence[tuple[int, New]]) -> None:
    """Add commits to repos, whose numbers come with them; labels and lists stay as they are."""
    numbered = list(enumerate(news, next_id(engine.db, COMMITS)))
    insert(engine.db, COMMITS, [_commit_row(id, repo, one) for id, (repo, one) in numbered])
    files = [(id, file) for id, (_, one) in numbered for file in one.model.card.files]
    insert(engine.db, FILES, [(id, file.path, file.bytes, file.sha256) for id, file in files])


def show(engine: Engine, repo: int, model: Model, text: str) -> None:
    """Let lists and searches show a revision as the newest of its repo."""
    hide(engine, repo, model.name)
    REPOS.update(_columns(_shown(model.summary))).where(REPOS.id == repo).execute(engine.db)
    insert(engine.db, KEYWORDS, keyword_rows(model.summary))
    engine.texts.put([text_of(repo, model, text)])


def hide(engine: Engine, repo: int, name: str) -> None:
    """Take a repo out of lists and searches."""
    row = REPOS.select(REPOS.task, REPOS.tags).where(REPOS.id == repo).tuples().execute(engine.db)[0]
    old = keywords(row[0], split_tags(row[1]))
    KEYWORDS.delete().where((KEYWORDS.word << old) & (KEYWORDS.name == name)).execute(engine.db)
    REPOS.update(_columns(NOTHING_SHOWN)).where(REPOS.id == repo).execute(engine.db)
    engine.texts.remove(repo)


def keyword_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return a repo's rows in the table of keywords; of task and tags as they are stored, to find them again."""
    task, tags = printable(summary.task), split_tags(join_tags(summary.tags))
    return [(word, summary.name) for word in keywords(task, tags)]


def text_of(repo: int, model: Model, text: str) -> Text:
    """Return what a repo is found by."""
    return Text(repo, model_words(model.name, model.card, text))


def parent_of(card: Card) -> str | None:
    """Return the commit in a card's lineage, or as much of it as is given there."""
    found = _PARENT.search(card.lineage.parent) if card.lineage else None
    return found[1] if found else None


def _repo_row(id: int, new: New) -> tuple[Any, ...]:
    shown = _shown(new.model.summary) if new.branch == MAIN else NOTHING_SHOWN
    return (id, new.model.name, new.model.created, *shown)


def _commit_row(id: int, repo: int, new: New) -> tuple[Any, ...]:
    model = new.model
    return (
        id, repo, new.branch, model.revision, new.previous, model.created, model.origin or None,
        parent_of(model.card), new.manifest or None,
        pack(new.zoo_json), pack(new.text.encode()),
    )  # fmt: skip


def _shown(summary: Summary) -> tuple[Any, ...]:
    tags = join_tags(summary.tags)
    return (summary.revision, printable(summary.task), summary.parameters, summary.bytes, tags, summary.updated)


def _columns(shown: tuple[Any, ...]) -> dict[Any, Any]:
    return dict(zip(SHOWN, shown, strict=True))
