"""Finding revisions: by label, by the beginning of a commit, by where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from registry.card import decode
from registry.catalogue.engine import Engine
from registry.catalogue.entries import LOCAL, Entry, Label
from registry.catalogue.peewee_alone import peewee
from registry.catalogue.tables import (
    BLOBS,
    COMMITS,
    LABELS,
    REPOS,
    SIGNATURES,
    batches,
    beginning,
    first,
    printable,
    unpack,
)
from registry.errors import ZooError
from registry.model import Model
from registry.ref import COMMIT, MAIN, SHORTEST

BATCH = 500


def repo_id(engine: Engine, name: str) -> int | None:
    """Return a repo's number; None where there is none of that name."""
    row = first(engine.db, REPOS.select(REPOS.id).where(REPOS.name == printable(name)))
    return row[0] if row else None


def label_of(engine: Engine, repo: int, name: str) -> Label | None:
    """Return a branch or tag of a repo."""
    return next(iter(labels_of(engine, LABELS.repo == repo, LABELS.name == printable(name))), None)


def labels_of(engine: Engine, *conditions: Any) -> list[Label]:
    """Return the labels that fit, by name."""
    query = LABELS.select(LABELS.name, LABELS.kind, LABELS.revision).where(*conditions).order_by(LABELS.name)
    return [Label(*row) for row in query.tuples().execute(engine.db)]


def find_commit(engine: Engine, repo: int, name: str, revision: str) -> tuple[int, Model] | None:
    """Return a repo's commit and its number by label or by the commit's beginning.

    Raises:
        ZooError: several commits begin like that.
    """
    label = label_of(engine, repo, revision)
    wanted = label.revision if label else revision
    if not COMMIT.fullmatch(wanted):
        return None
    found = numbered(engine, COMMITS.repo == repo, beginning(COMMITS.revision, wanted), most=2)
    if len(found) > 1:
        both = " and ".join(model.revision[:16] for _, model in found)
        raise ZooError(f"{name} has several revisions that begin with {revision!r}", f"among them {both}")
    return found[0] if found else None


def find(engine: Engine, name: str, revision: str | None) -> Model | None:
    """Return a repo's revision; None where there is no such repo or revision."""
    repo = repo_id(engine, name)
    found = None if repo is None else find_commit(engine, repo, name, revision or MAIN)
    return found[1] if found else None


def by_origin(engine: Engine, origin: str) -> Model | None:
    """Return the revision that was pulled from a place last."""
    found = numbered(engine, COMMITS.origin == printable(origin), order=COMMITS.id.desc(), most=1)
    return found[0][1] if found else None


def by_revision(engine: Engine, start: str) -> list[Model]:
    """Return all revisions that begin with a text of at least 7 characters, in any repo."""
    if not COMMIT.fullmatch(start):
        return []
    return [model for _, model in numbered(engine, beginning(COMMITS.revision, start))]


def children(engine: Engine, revision: str) -> list[Model]:
    """Return the revisions whose lineage names a revision as their parent, by its first characters or by all."""
    beginnings = [revision[:length] for length in range(SHORTEST, len(revision) + 1)]
    return [model for _, model in numbered(engine, COMMITS.parent << beginnings)] if beginnings else []


def history(engine: Engine, name: str) -> list[Entry]:
    """Return a repo's commits, the oldest first."""
    query = (
        COMMITS.select(COMMITS.revision, COMMITS.previous, COMMITS.created, COMMITS.origin)
        .join(REPOS, on=COMMITS.repo == REPOS.id)
        .where(REPOS.name == name)
        .order_by(COMMITS.id)
    )
    rows = query.tuples().execute(engine.db)
    return [Entry(revision, previous, created, origin or "") for revision, previous, created, origin in rows]


def labels(engine: Engine, name: str) -> list[Label]:
    """Return a repo's labels, by name."""
    repo = repo_id(engine, name)
    return [] if repo is None else labels_of(engine, LABELS.repo == repo)


def signatures(engine: Engine, name: str, revision: str) -> list[str]:
    """Return a revision's signatures, the oldest first."""
    query = SIGNATURES.select(SIGNATURES.sha256).where(SIGNATURES.commit_id == _number(engine, name, revision))
    rows = query.order_by(SIGNATURES.created, SIGNATURES.sha256).tuples().execute(engine.db)
    return [sha256 for (sha256,) in rows]


def manifests(engine: Engine, name: str, revision: str) -> list[str]:
    """Return the sha256s of the manifests of a commit and of the labels that name it."""
    repo = repo_id(engine, name)
    found = None if repo is None else find_commit(engine, repo, name, revision)
    if repo is None or found is None:
        return []
    queries = (
        COMMITS.select(COMMITS.manifest).where(COMMITS.id == found[0]),
        LABELS.select(LABELS.manifest).where(LABELS.repo == repo, LABELS.revision == found[1].revision),
    )
    rows = [row[0] for query in queries for row in query.tuples().execute(engine.db)]
    return sorted({sha256 for sha256 in rows if sha256})


def zoo_json(engine: Engine, name: str, revision: str) -> bytes:
    """Return the text of a commit's card; empty where there is no such commit."""
    row = first(engine.db, COMMITS.select(COMMITS.card).where(COMMITS.id == _number(engine, name, revision)))
    return unpack(row[0]) if row else b""


def after(engine: Engine, id: int, name: str | None) -> list[tuple[int, Model]]:
    """Return the next some commits above a number, of all repos or of one."""
    conditions = [COMMITS.id > id] + ([REPOS.name == name] if name else [])
    return numbered(engine, *conditions, most=BATCH)


def numbered(
    engine: Engine, *conditions: Any, order: Any = COMMITS.id, most: int | None = None
) -> list[tuple[int, Model]]:
    """Return the commits that fit, with their numbers."""
    query = (
        COMMITS.select(COMMITS.id, REPOS.name, COMMITS.card, COMMITS.revision, COMMITS.origin, COMMITS.created)
        .join(REPOS, on=COMMITS.repo == REPOS.id)
        .where(*conditions)
        .order_by(order)
        .limit(most)
    )
    return list(_models(query.tuples().execute(engine.db)))


def live(engine: Engine, sha256s: Iterable[str]) -> set[str]:
    """Return those blobs that some row refers to."""
    found: set[str] = set()
    for some in batches(dict.fromkeys(sha256s), BATCH):
        for column in BLOBS:
            query = column.source.select(column).where(column << some)
            found.update(sha256 for (sha256,) in query.tuples().execute(engine.db))
    return found


def contradictions(engine: Engine) -> Iterator[str]:
    """Say which labels name no commit, and which repos are listed with another revision than `main` names."""
    commit = COMMITS.select(COMMITS.id).where(COMMITS.repo == REPOS.id, COMMITS.revision == LABELS.revision)
    repos = LABELS.select(REPOS.name, LABELS.name).join(REPOS, on=LABELS.repo == REPOS.id)
    for name, label in repos.where(~peewee.fn.EXISTS(commit)).tuples().execute(engine.db):
        yield f"{label!r} of {name} names a revision that is not there"
    main = repos.where(LABELS.name == MAIN, REPOS.revision != LABELS.revision)
    for name, _ in main.tuples().execute(engine.db):
        yield f"lists show another revision of {name} than its {MAIN} names"


def _number(engine: Engine, name: str, revision: str) -> int:
    repo = repo_id(engine, name)
    found = None if repo is None else find_commit(engine, repo, name, revision)
    return found[0] if found else 0  # no commit has this number


def _models(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Model]]:
    for id, name, card, revision, origin, created in rows:
        card = decode(unpack(card), f"the card of {name}@{revision[:12]}")
        yield id, Model(name, card, revision, LOCAL, origin or "", created)
