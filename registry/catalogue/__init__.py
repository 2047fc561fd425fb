"""Repos, their immutable revisions, branches and tags, in SQLite or PostgreSQL.

`engine` says what a database must be able to do, and `sqlite` and `postgres` do it; `tables` and `migrations` hold the
schema; `lookup`, `listing` and `search` read; `changes` and `removing` write, by way of `writing`. Each is imported by
the methods that need it: `zoo list` starts in the time that all of them would take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from registry.card import Card, FileEntry, encode
from registry.catalogue.engine import Engine
from registry.catalogue.entries import Entry, Label, taken
from registry.catalogue.tables import REPOS, batches, printable
from registry.errors import ZooError
from registry.home import SERVERS
from registry.model import Model, Summary
from registry.ref import MAIN, check_label, check_name

T = TypeVar("T")

SCHEMA = 2

__all__ = ["Catalogue", "Entry", "Label", "taken"]


class Catalogue:
    """The database of revisions.

    Looking never creates anything. What is written is complete or not there at all, and one process writes at a time.

    Args:
        url: a SQLite file's path, or `postgresql://user:password@host:port/database`.

    Raises:
        ZooError: by every method: the database is no catalogue, is of a newer version, or cannot be reached, read or
            written.
    """

    def __init__(self, url: str | Path) -> None:
        self._engine = _engine(url)

    # Lists

    def summaries(
        self, pattern: str = "*", *, task: str | None = None, tag: str | None = None, sort: str = "name",
        limit: int | None = None,
    ) -> list[Summary]:  # fmt: skip
        """Return the newest revision on `main` of every repo.

        Args:
            pattern: a shell pattern of the name.
            task, tag: only repos that have them.
            sort: `name`, or what is largest first: `updated`, `size` or `parameters`.
            limit: how many at most.
        """
        from registry.catalogue import listing

        wanted = {"task": task, "tag": tag}
        words = [f"{kind}={printable(word)}" for kind, word in wanted.items() if word is not None]
        return self._read(lambda engine: listing.summaries(engine, printable(pattern), words, sort, limit), [])

    def search(self, query: str, limit: int = 20) -> list[Summary]:
        """Return the repos that have every word of a query in name, card or text, or begin with it; the best first."""
        from registry.catalogue import search

        return self._read(lambda engine: search.search(engine, query, limit), [])

    def nearby(self, name: str, most: int = 500) -> list[str]:
        """Return names that a wrong name may have been meant for; all names where they are few."""
        from registry.catalogue import search

        return self._read(lambda engine: search.nearby(engine, name, most), [])

    def exists(self) -> bool:
        """Say whether there is a catalogue, be it without a model; looking makes none."""
        return self._read(lambda engine: True, False)

    def count(self) -> int:
        """Return the number of repos."""
        return self._read(lambda engine: int(REPOS.select().count(engine.db)), 0)

    # Revisions

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a revision by branch, tag, or at least 7 characters of its commit; by default the head of `main`.

        Raises:
            ZooError: several commits begin like that.
        """
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.find(engine, name, revision), None)

    def by_origin(self, origin: str) -> Model | None:
        """Return the revision that was pulled last from a pinned reference."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.by_origin(engine, origin), None)

    def by_revision(self, beginning: str) -> list[Model]:
        """Return the revisions of any repo that begin with at least 7 characters."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.by_revision(engine, beginning), [])

    def children(self, revision: str) -> list[Model]:
        """Return the revisions whose lineage names a revision as their parent."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.children(engine, revision), [])

    def all_models(self, name: str | None = None) -> Iterator[Model]:
        """Return every revision of every repo, or of one, the oldest first; they are read as they are needed."""
        last = 0
        while some := self._after(last, name):
            yield from (model for _, model in some)
            last = some[-1][0]

    def history(self, name: str) -> list[Entry]:
        """Return a repo's commits, the oldest first."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.history(engine, name), [])

    def labels(self, name: str) -> list[Label]:
        """Return a repo's branches and tags, by name."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.labels(engine, name), [])

    def signatures(self, name: str, revision: str) -> list[str]:
        """Return the sha256s of a revision's detached signatures, the oldest first."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.signatures(engine, name, revision), [])

    def manifests(self, name: str, revision: str) -> list[str]:
        """Return the sha256s of the manifests of a commit and of the labels that name it."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.manifests(engine, name, revision), [])

    def zoo_json(self, name: str, revision: str) -> bytes:
        """Return the text of a revision's card as it was committed; empty where there is none."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.zoo_json(engine, name, revision), b"")

    def live(self, sha256s: Iterable[str]) -> set[str]:
        """Return those blobs that a file, card, manifest or signature of some revision is."""
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.live(engine, sha256s), set())

    # Changes

    def commit(
        self, card: Card, *, zoo_json: bytes | None = None, name: str | None = None, branch: str = MAIN,
        update: bool = False, origin: str = "", text: str = "", manifest: str = "", created: float | None = None,
        stored: Callable[[Sequence[FileEntry]], None] | None = None,
    ) -> Model:  # fmt: skip
        """Add a revision and let a branch name it; the same revision again is no new commit.

        Args:
            card: the revision.
            zoo_json: the card's text, where it was made elsewhere.
            name: what it is called here; by default as its card says.
            branch: a branch of the repo, which begins at the head of `main` if it is new.
            update: add to a repo that exists; otherwise its name must be free.
            origin: the pinned reference that it was pulled from.
            text: what else it is found by.
            manifest: the sha256 of a blob that says all of this.
            created: Unix seconds; by default now.
            stored: called with the card's files under the writer's lock; if it raises, nothing is changed.

        Raises:
            ZooError: the name is taken and `update` is false.
        """
        from registry.catalogue import changes, writing

        new = writing.new(
            zoo_json or encode(card), card, name=check_name(name or card.name), origin=origin, created=created,
            branch=check_label(branch), text=text, manifest=manifest,
        )  # fmt: skip
        with self._writing() as engine:
            return changes.commit(engine, new, update=update, stored=stored)

    def tag(self, name: str, label: str, revision: str, *, move: bool = False, manifest: str = "") -> None:
        """Give a revision a name that stays.

        Raises:
            ZooError: there is no such repo or revision; or the tag names another one, and `move` is false.
        """
        from registry.catalogue import changes

        check_label(label)
        with self._writing() as engine:
            changes.tag(engine, name, label, revision, move=move, manifest=manifest)

    def sign(self, name: str, revision: str, signature_sha256: str) -> None:
        """Note that a blob is a detached signature of a revision."""
        from registry.catalogue import changes

        with self._writing() as engine:
            changes.sign(engine, name, revision, signature_sha256)

    def remove(self, name: str, revision: str | None = None) -> set[str]:
        """Remove a repo, or one revision of it; return the blobs that nothing refers to any more."""
        from registry.catalogue import removing

        with self._writing() as engine:
            if revision is None:
                return removing.remove_repo(engine, name)
            return removing.remove_revision(engine, name, revision)

    def load(self, models: Iterable[tuple[Card, str]]) -> None:
        """Add many repos of one commit each in a few large transactions: cards, and what else they are found by.

        Their names must be free and all different.
        """
        from registry.catalogue import writing

        for some in batches(models, writing.BATCH):
            with self._writing() as engine:
                writing.add_repos(engine, [writing.new(encode(card), card, text=text) for card, text in some])

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the writer's lock: no other process can change anything until the block ends."""
        with self._writing():
            yield

    def check(self) -> list[str]:
        """Return what is wrong with the database; nothing if all is well."""
        from registry.catalogue import lookup

        return self._read(lambda engine: [*engine.problems(), *lookup.contradictions(engine)], [])

    def close(self) -> None:
        """Close this thread's connection to a server; the next call opens another."""
        self._engine.close()

    def _after(self, id: int, name: str | None) -> list[tuple[int, Model]]:
        from registry.catalogue import lookup

        return self._read(lambda engine: lookup.after(engine, id, name), [])

    def _read(self, look: Callable[[Engine], T], nothing: T) -> T:
        engine = self._engine
        if not engine.present():
            return nothing
        with engine.session():
            return look(engine) if self._up_to_date() else nothing

    @contextmanager
    def _writing(self) -> Iterator[Engine]:
        engine = self._engine
        engine.prepare()
        with engine.session():
            if not self._up_to_date():
                _migrate(engine)
            with engine.transaction():
                yield engine

    def _up_to_date(self) -> bool:
        """Bring an older schema up to date; say whether there is one at all."""
        version = self._engine.version()
        if version > SCHEMA:
            raise ZooError(
                f"the catalogue {self._engine.place} has schema {version}; this version reads up to {SCHEMA}",
                "pip install --upgrade zoo",
            )
        if 0 < version < SCHEMA:
            _migrate(self._engine)
        return version > 0


def _engine(url: str | Path) -> Engine:
    if str(url).startswith(SERVERS):
        from registry.catalogue.postgres import Postgres

        return Postgres(str(url))
    from registry.catalogue.sqlite import Sqlite

    return Sqlite(Path(url))


def _migrate(engine: Engine) -> None:
    from registry.catalogue.migrations import migrate

    migrate(engine)
