"""What changes a repo: a commit, a tag, a signature. The caller holds the writer's lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from registry.card import FileEntry
from registry.catalogue.engine import Engine
from registry.catalogue.entries import Label, taken
from registry.catalogue.lookup import find_commit, label_of, numbered, repo_id
from registry.catalogue.search import nearby
from registry.catalogue.tables import COMMITS, LABELS, SIGNATURES, first, insert, unpack
from registry.catalogue.writing import New, add_commits, add_repos, show
from registry.errors import ZooError, near
from registry.model import Model
from registry.ref import MAIN


def commit(engine: Engine, new: New, *, update: bool, stored: Callable[[Sequence[FileEntry]], None] | None) -> Model:
    """Add a revision to a branch, or let the branch name it again where the repo has it already."""
    name = new.model.name
    repo = repo_id(engine, name)
    if repo is not None and not update:
        raise taken(name)
    label = None if repo is None else label_of(engine, repo, new.branch)
    if label and label.kind == "tag":
        raise ZooError(f"{name} has a tag {new.branch!r}: it cannot be a branch as well", "choose another branch")
    if stored:
        stored(new.model.card.files)
    if repo is None:
        add_repos(engine, [new])
        return new.model
    return _further(engine, repo, new, label)


def _further(engine: Engine, repo: int, new: New, label: Label | None) -> Model:
    found = _exact(engine, repo, new.model.revision)
    if found is None:
        head = label or label_of(engine, repo, MAIN)
        add_commits(engine, [(repo, replace(new, previous=head.revision if head else None))])
        model = new.model
    else:
        model = _completed(engine, *found, new)
    point(engine, repo, Label(new.branch, "branch", model.revision), new.manifest)
    if new.branch == MAIN and (label is None or label.revision != model.revision):
        show_again(engine, repo, model)
    return model


def _completed(engine: Engine, id: int, model: Model, new: New) -> Model:
    """Note where the revision came from, if that was not known, and its newest manifest: the old may be damaged."""
    if new.model.origin:
        unknown = (COMMITS.id == id) & COMMITS.origin.is_null()
        COMMITS.update({COMMITS.origin: new.model.origin}).where(unknown).execute(engine.db)
    if new.manifest:
        COMMITS.update({COMMITS.manifest: new.manifest}).where(COMMITS.id == id).execute(engine.db)
    return replace(model, origin=model.origin or new.model.origin)


def _exact(engine: Engine, repo: int, revision: str) -> tuple[int, Model] | None:
    found = numbered(engine, COMMITS.repo == repo, COMMITS.revision == revision)
    return found[0] if found else None


def point(engine: Engine, repo: int, label: Label, manifest: str = "") -> None:
    """Let a label name a revision."""
    LABELS.delete().where(LABELS.repo == repo, LABELS.name == label.name).execute(engine.db)
    insert(engine.db, LABELS, [(repo, label.name, label.kind, label.revision, manifest or None)])


def show_again(engine: Engine, repo: int, model: Model) -> None:
    """Let lists and searches show what `main` names now."""
    query = COMMITS.select(COMMITS.text).where(COMMITS.repo == repo, COMMITS.revision == model.revision)
    row = first(engine.db, query)
    show(engine, repo, model, unpack(row[0]).decode() if row else "")


def tag(engine: Engine, name: str, label: str, revision: str, *, move: bool, manifest: str) -> None:
    """Give a revision a tag."""
    repo, _, model = existing(engine, name, revision)
    old = label_of(engine, repo, label)
    if old and old.kind == "branch":
        raise ZooError(f"{name} has a branch {label!r}: it cannot be a tag as well", "choose another name for the tag")
    if old and old.revision != model.revision and not move:
        raise ZooError(
            f"{name} has a tag {label!r} already: it names {old.revision[:12]}, not {model.revision[:12]}",
            f"choose another tag, or move it with zoo tag {name}@{model.revision[:12]} {label} --move",
        )
    if old is None or old.revision != model.revision or manifest:
        point(engine, repo, Label(label, "tag", model.revision), manifest)


def sign(engine: Engine, name: str, revision: str, sha256: str) -> None:
    """Note a signature, once."""
    _, id, _ = existing(engine, name, revision)
    SIGNATURES.delete().where(SIGNATURES.commit_id == id, SIGNATURES.sha256 == sha256).execute(engine.db)
    insert(engine.db, SIGNATURES, [(id, sha256, time.time())])


def existing(engine: Engine, name: str, revision: str) -> tuple[int, int, Model]:
    """Return the numbers of a repo and of its commit, and the model.

    Raises:
        ZooError: there is no such repo or revision.
    """
    repo = existing_repo(engine, name)
    found = find_commit(engine, repo, name, revision)
    if found is None:
        query = COMMITS.select(COMMITS.revision).where(COMMITS.repo == repo).order_by(COMMITS.id.desc()).limit(12)
        known = ", ".join(revision[:12] for (revision,) in query.tuples().execute(engine.db))
        raise ZooError(f"{name} has no revision {revision!r}", f"known: {known}, newest first")
    return repo, *found


def existing_repo(engine: Engine, name: str) -> int:
    """Return a repo's number; raises `ZooError` where there is none."""
    repo = repo_id(engine, name)
    if repo is None:
        raise ZooError(f"no model is named {name!r}", near(name, nearby(engine, name, 500)))
    return repo
