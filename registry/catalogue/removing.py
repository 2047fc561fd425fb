"""Taking revisions out. The caller holds the writer's lock."""

from __future__ import annotations

from typing import Any

from registry.catalogue.changes import existing, existing_repo, point, show_again
from registry.catalogue.engine import Engine
from registry.catalogue.entries import Label
from registry.catalogue.lookup import find_commit, labels_of, live
from registry.catalogue.tables import COMMITS, FILES, LABELS, REPOS, SIGNATURES, first
from registry.catalogue.writing import hide
from registry.ref import MAIN


def remove_repo(engine: Engine, name: str) -> set[str]:
    """Remove a repo; return the blobs that nothing refers to any more."""
    repo = existing_repo(engine, name)
    commits = COMMITS.select(COMMITS.id).where(COMMITS.repo == repo)
    held = _blobs(engine, repo, commits)
    hide(engine, repo, name)
    _delete_commits(engine, commits)
    LABELS.delete().where(LABELS.repo == repo).execute(engine.db)
    REPOS.delete().where(REPOS.id == repo).execute(engine.db)
    return held - live(engine, held)


def remove_revision(engine: Engine, name: str, revision: str) -> set[str]:
    """Remove a revision, and its repo where it was the only one; return the blobs that nothing refers to any more.

    A branch that named it names the newest that is left on it; a branch without any, and a tag, goes.
    """
    repo, id, model = existing(engine, name, revision)
    others = first(engine.db, COMMITS.select(COMMITS.id).where(COMMITS.repo == repo, COMMITS.id != id).limit(1))
    if others is None:
        return remove_repo(engine, name)
    commit = COMMITS.select(COMMITS.id).where(COMMITS.id == id)
    naming = (LABELS.repo == repo) & (LABELS.revision == model.revision)
    held = _blobs(engine, repo, commit, naming)
    labels = labels_of(engine, naming)
    _close_gap(engine, repo, id, model.revision)
    LABELS.delete().where(naming).execute(engine.db)
    _delete_commits(engine, commit)
    for label in labels:
        if label.kind == "branch":
            _fall_back(engine, repo, name, label.name)
    return held - live(engine, held)


def _close_gap(engine: Engine, repo: int, id: int, revision: str) -> None:
    row = first(engine.db, COMMITS.select(COMMITS.previous).where(COMMITS.id == id))
    following = (COMMITS.repo == repo) & (COMMITS.previous == revision)
    COMMITS.update({COMMITS.previous: row[0] if row else None}).where(following).execute(engine.db)


def _fall_back(engine: Engine, repo: int, name: str, branch: str) -> None:
    query = COMMITS.select(COMMITS.revision).where(COMMITS.repo == repo, COMMITS.branch == branch)
    newest = first(engine.db, query.order_by(COMMITS.id.desc()).limit(1))
    if newest is not None:
        point(engine, repo, Label(branch, "branch", newest[0]))
    if branch == MAIN:
        found = find_commit(engine, repo, name, newest[0]) if newest else None
        if found:
            show_again(engine, repo, found[1])
        else:
            hide(engine, repo, name)


def _delete_commits(engine: Engine, commits: Any) -> None:
    for table in (FILES, SIGNATURES):
        table.delete().where(table.commit_id << commits).execute(engine.db)
    COMMITS.delete().where(COMMITS.id << commits).execute(engine.db)


def _blobs(engine: Engine, repo: int, commits: Any, naming: Any = None) -> set[str]:
    """Return every blob that some commits of a repo, and the labels that name them, refer to."""
    queries = [
        FILES.select(FILES.sha256).where(FILES.commit_id << commits),
        SIGNATURES.select(SIGNATURES.sha256).where(SIGNATURES.commit_id << commits),
        COMMITS.select(COMMITS.revision).where(COMMITS.id << commits),
        COMMITS.select(COMMITS.manifest).where(COMMITS.id << commits),
        LABELS.select(LABELS.manifest).where(LABELS.repo == repo if naming is None else naming),
    ]
    rows = [row for query in queries for row in query.tuples().execute(engine.db)]
    return {sha256 for (sha256,) in rows} - {None}
