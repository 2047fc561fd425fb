"""Repos, their immutable revisions and their tags, in SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from registry.card import Card, decode, encode
from registry.errors import ZooError
from registry.home import make_folder
from registry.model import Model, Summary, model_of

SCHEMA = 1
MAIN = "main"
LOCAL = "local"


class Row(peewee.Model):
    """A row of any table; `Catalogue` binds the database."""


class Repo(Row):
    """A name and when it was taken (Unix seconds)."""

    name = peewee.CharField(primary_key=True, max_length=96)
    created = peewee.FloatField()


class Commit(Row):
    """One revision: the card's text, and beside it what lists show, so that they need not parse it."""

    repo = peewee.ForeignKeyField(Repo, backref="commits", on_delete="CASCADE")
    revision = peewee.CharField(max_length=64)
    previous = peewee.CharField(max_length=64, null=True)
    created = peewee.FloatField()
    card = peewee.BlobField()
    task = peewee.CharField()
    parameters = peewee.BigIntegerField()
    bytes = peewee.BigIntegerField()
    tags = peewee.TextField()

    class Meta:
        """A revision belongs to its repo: two repos may hold the same content."""

        primary_key = peewee.CompositeKey("repo", "revision")


class Tag(Row):
    """A name for a revision; `main` is what was published last."""

    repo = peewee.ForeignKeyField(Repo, backref="tags", on_delete="CASCADE")
    name = peewee.CharField(max_length=96)
    revision = peewee.CharField(max_length=64)

    class Meta:
        """One revision a name."""

        primary_key = peewee.CompositeKey("repo", "name")


TABLES = (Repo, Commit, Tag)


class Catalogue:
    """The database of revisions.

    Args:
        path: the SQLite file; created at the first commit.

    Raises:
        ZooError: the file is no catalogue, is of a newer version, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = peewee.SqliteDatabase(
            str(path), pragmas={"journal_mode": "wal", "foreign_keys": 1}, timeout=30
        )

    def summaries(self) -> list[Summary]:
        """Return the newest revision of every repo, by name."""
        if not self.path.exists():
            return []
        with self._open():
            newest: Any = (
                Tag.select(Tag.repo, Tag.revision, Commit.task, Commit.parameters, Commit.bytes, Commit.tags)
                .join(Commit, on=(Tag.repo == Commit.repo) & (Tag.revision == Commit.revision))
                .where(Tag.name == MAIN)
                .order_by(Tag.repo)
            )
            return [
                Summary(name, revision, LOCAL, task, parameters, size, tuple(tags.split()))
                for name, revision, task, parameters, size, tags in newest.tuples()
            ]

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a revision by commit (at least 7 characters of it) or tag; None where there is none."""
        if not self.path.exists():
            return None
        with self._open():
            commit = self._commit(name, revision or MAIN)
        return None if commit is None else model_of(decode(bytes(commit.card), f"the card of {name}"), LOCAL)

    def revisions(self, name: str) -> list[str]:
        """Return a repo's revisions, the oldest first."""
        if not self.path.exists():
            return []
        with self._open():
            query = Commit.select(Commit.revision).where(Commit.repo == name).order_by(Commit.created)
            return [commit.revision for commit in query]

    def commit(self, card: Card, *, update: bool = False) -> Model:
        """Add a revision in one transaction, and let `main` name it.

        Args:
            card: the revision; its files must be stored already.
            update: add to a repo that exists; otherwise its name must be free.

        Raises:
            ZooError: the name is taken and `update` is false.
        """
        make_folder(self.path.parent)
        model = model_of(card, LOCAL)
        with self._open(), self._database.atomic("IMMEDIATE"):
            head = self._commit(card.name, MAIN)
            if head is not None and not update:
                raise taken(card.name)
            if head is None:
                Repo.create(name=card.name, created=time.time())
            Commit.insert(**_columns(model, head)).on_conflict_ignore().execute()
            Tag.insert(repo=card.name, name=MAIN, revision=model.revision).on_conflict_replace().execute()
        return model

    def _commit(self, name: str, revision: str) -> Commit | None:
        tag = Tag.get_or_none((Tag.repo == name) & (Tag.name == revision))
        wanted = tag.revision if tag else revision
        if len(wanted) < 7:
            return None
        matching = Commit.select().where(
            (Commit.repo == name) & (Commit.revision >= wanted) & (Commit.revision < wanted + "~")
        )
        return next(iter(matching.limit(1)), None)

    @contextmanager
    def _open(self) -> Iterator[None]:
        try:
            with self._database.bind_ctx(TABLES), self._database.connection_context():
                self._migrate()
                yield
        except peewee.DatabaseError as error:
            raise ZooError(
                f"the catalogue {self.path} cannot be used: {error}",
                "is it writable, on a disk with space, and a catalogue of zoo?",
            ) from error

    def _migrate(self) -> None:
        version = self._database.pragma("user_version")
        if version > SCHEMA:
            raise ZooError(
                f"the catalogue {self.path} has schema {version}; this version reads up to {SCHEMA}",
                "pip install --upgrade zoo",
            )
        if version < SCHEMA:
            self._database.create_tables(TABLES)
            self._database.pragma("user_version", SCHEMA)


def taken(name: str) -> ZooError:
    """Say that a name is in use."""
    return ZooError(f"the name {name!r} is taken", "choose another with --as, or add a revision to it with --update")


def _columns(model: Model, head: Commit | None) -> dict[str, Any]:
    summary = model.summary
    return {
        "repo": model.name,
        "revision": model.revision,
        "previous": head.revision if head else None,
        "created": time.time(),
        "card": encode(model.card),
        "task": summary.task,
        "parameters": summary.parameters,
        "bytes": summary.bytes,
        "tags": " ".join(summary.tags),
    }
