"""The schema's versions: each migration takes the database from one to the next, in one transaction.

What is released stays as it is; a change of the schema is a new function at the end of `MIGRATIONS`. Schema 1 was
SQLite only; a new database of either kind goes through it as well, with its tables empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.card import decode
from registry.catalogue.engine import Engine, Text
from registry.catalogue.tables import join_tags, keywords, pack, printable, split_tags
from registry.catalogue.words import model_words
from registry.catalogue.writing import parent_of

TYPES = {
    "sqlite": {
        "text": "TEXT",
        "whole": "INTEGER",
        "real": "REAL",
        "blob": "BLOB",
        "clustered": " WITHOUT ROWID",
    },
    "postgresql": {
        "text": 'TEXT COLLATE "C"',  # names sort by their bytes, as in SQLite
        "whole": "BIGINT",
        "real": "DOUBLE PRECISION",
        "blob": "BYTEA",
        "clustered": "",
    },
}

SCHEMA_1 = (
    """CREATE TABLE IF NOT EXISTS "repo" ("name" VARCHAR(96) NOT NULL PRIMARY KEY, "created" {real} NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS "commit" ("repo_id" VARCHAR(96) NOT NULL, "revision" VARCHAR(64) NOT NULL,
        "previous" VARCHAR(64), "created" {real} NOT NULL, "card" {blob} NOT NULL, "task" VARCHAR(255) NOT NULL,
        "parameters" BIGINT NOT NULL, "bytes" BIGINT NOT NULL, "tags" TEXT NOT NULL,
        PRIMARY KEY ("repo_id", "revision"),
        FOREIGN KEY ("repo_id") REFERENCES "repo" ("name") ON DELETE CASCADE)""",
    """CREATE TABLE IF NOT EXISTS "tag" ("repo_id" VARCHAR(96) NOT NULL, "name" VARCHAR(96) NOT NULL,
        "revision" VARCHAR(64) NOT NULL, PRIMARY KEY ("repo_id", "name"),
        FOREIGN KEY ("repo_id") REFERENCES "repo" ("name") ON DELETE CASCADE)""",
)

SCHEMA_2 = (
    """CREATE TABLE repos (id {whole} PRIMARY KEY, name {text} NOT NULL UNIQUE, created {real} NOT NULL,
        revision {text} NOT NULL, task {text} NOT NULL, parameters {whole} NOT NULL, bytes {whole} NOT NULL,
        tags {text} NOT NULL, updated {real} NOT NULL)""",
    "CREATE INDEX repos_updated ON repos (updated DESC, name)",
    "CREATE INDEX repos_bytes ON repos (bytes DESC, name)",
    "CREATE INDEX repos_parameters ON repos (parameters DESC, name)",
    """CREATE TABLE commits (id {whole} PRIMARY KEY, repo {whole} NOT NULL REFERENCES repos (id),
        branch {text} NOT NULL, revision {text} NOT NULL, previous {text}, created {real} NOT NULL,
        origin {text}, parent {text}, manifest {text}, card {blob} NOT NULL, text {blob} NOT NULL)""",
    "CREATE UNIQUE INDEX commits_repo ON commits (repo, revision)",
    "CREATE INDEX commits_revision ON commits (revision)",
    "CREATE INDEX commits_origin ON commits (origin) WHERE origin IS NOT NULL",
    "CREATE INDEX commits_parent ON commits (parent) WHERE parent IS NOT NULL",
    "CREATE INDEX commits_manifest ON commits (manifest) WHERE manifest IS NOT NULL",
    """CREATE TABLE labels (repo {whole} NOT NULL REFERENCES repos (id), name {text} NOT NULL, kind {text} NOT NULL,
        revision {text} NOT NULL, manifest {text}, PRIMARY KEY (repo, name)){clustered}""",
    "CREATE INDEX labels_manifest ON labels (manifest) WHERE manifest IS NOT NULL",
    """CREATE TABLE files (commit_id {whole} NOT NULL REFERENCES commits (id), path {text} NOT NULL,
        bytes {whole} NOT NULL, sha256 {text} NOT NULL, PRIMARY KEY (commit_id, path)){clustered}""",
    "CREATE INDEX files_sha256 ON files (sha256)",
    """CREATE TABLE signatures (commit_id {whole} NOT NULL REFERENCES commits (id), sha256 {text} NOT NULL,
        created {real} NOT NULL, PRIMARY KEY (commit_id, sha256)){clustered}""",
    "CREATE INDEX signatures_sha256 ON signatures (sha256)",
    "CREATE TABLE keywords (word {text} NOT NULL, name {text} NOT NULL, PRIMARY KEY (word, name)){clustered}",
)

TEXTS = {
    # `detail=none`: words are never looked for as phrases; `prefix`: three letters, and the mark of words of the name.
    "sqlite": ("CREATE VIRTUAL TABLE texts USING fts5 (words, detail=none, prefix='1 2 3 4', "
               "tokenize='unicode61 remove_diacritics 0')",),
    "postgresql": ("CREATE TABLE texts (repo BIGINT PRIMARY KEY REFERENCES repos (id), words TSVECTOR NOT NULL)",
                   "CREATE INDEX texts_words ON texts USING gin (words)"),
}  # fmt: skip


def migrate(engine: Engine) -> None:
    """Bring a database to the newest schema, all or nothing; of several processes the first does it.

    Raises:
        ZooError: it holds tables that are not ours, or a card that cannot be read.
    """
    engine.prepare_schema()
    with engine.transaction():
        version = engine.version()
        for number, migration in enumerate(MIGRATIONS, 1):
            if number > version:
                migration(engine)
        engine.set_version(len(MIGRATIONS))


def _create(engine: Engine, statements: tuple[str, ...]) -> None:
    for statement in statements:
        engine.db.execute_sql(statement.format(**TYPES[engine.dialect]))


def _to_1(engine: Engine) -> None:
    """Repos, commits and tags; some may be there already, since version 1 was not created in one transaction."""
    _create(engine, SCHEMA_1)


def _to_2(engine: Engine) -> None:
    """Branches and tags apart, files by sha256, keywords, full text, and what lists show beside the name."""
    _create(engine, SCHEMA_2 + TEXTS[engine.dialect])
    heads = """SELECT r.name, r.created, c.revision, c.created, c.card FROM "repo" r
        JOIN "tag" t ON t.repo_id = r.name AND t.name = 'main'
        JOIN "commit" c ON c.repo_id = r.name AND c.revision = t.revision ORDER BY r.created, r.name"""
    for id, row in enumerate(engine.db.execute_sql(heads).fetchall(), 1):
        _copy_repo(engine, id, *row)
    commits = """SELECT r.id, r.name, c.revision, c.previous, c.created, c.card FROM "commit" c
        JOIN repos r ON r.name = c.repo_id ORDER BY c.created, c.repo_id"""
    for id, row in enumerate(engine.db.execute_sql(commits).fetchall(), 1):
        _copy_commit(engine, id, *row)
    labels = 'SELECT r.id, t.name, t.revision FROM "tag" t JOIN repos r ON r.name = t.repo_id'
    for repo, name, revision in engine.db.execute_sql(labels).fetchall():
        _insert(engine, "labels", (repo, name, "branch" if name == "main" else "tag", revision, None))
    for table in ("tag", "commit", "repo"):
        engine.db.execute_sql(f'DROP TABLE "{table}"')


def _copy_repo(engine: Engine, id: int, name: str, taken: float, revision: str, created: float, text: bytes) -> None:
    card = decode(text, f"the card of {name}@{revision[:12]}")
    task, tags = printable(card.task), join_tags(card.tags)
    shown = (revision, task, card.parameters, card.bytes, tags, created)
    _insert(engine, "repos", (id, name, taken, *shown))
    for word in keywords(task, split_tags(tags)):
        _insert(engine, "keywords", (word, name))
    engine.texts.put([Text(id, model_words(name, card, ""))])


def _copy_commit(
    engine: Engine, id: int, repo: int, name: str, revision: str, previous: str | None, created: float, text: bytes
) -> None:
    card = decode(text, f"the card of {name}@{revision[:12]}")
    row = (id, repo, "main", revision, previous, created, None, parent_of(card), None, pack(text), pack(b""))
    _insert(engine, "commits", row)
    for file in card.files:
        _insert(engine, "files", (id, file.path, file.bytes, file.sha256))


def _insert(engine: Engine, table: str, row: tuple[Any, ...]) -> None:
    places = ", ".join([engine.db.param] * len(row))
    engine.db.execute_sql(f"INSERT INTO {table} VALUES ({places})", row)


MIGRATIONS: tuple[Callable[[Engine], None], ...] = (_to_1, _to_2)
