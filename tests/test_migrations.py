"""Catalogues of older versions are brought up to date."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from registry.card import Card, FileEntry, Lineage, encode, revision_of
from registry.catalogue import SCHEMA, Catalogue, Entry, Label, migrations
from registry.errors import ZooError
from registry.model import Summary

# What version 1 created, to the letter.
DDL_1 = """
CREATE TABLE IF NOT EXISTS "repo" ("name" VARCHAR(96) NOT NULL PRIMARY KEY, "created" REAL NOT NULL);
CREATE TABLE IF NOT EXISTS "commit" ("repo_id" VARCHAR(96) NOT NULL, "revision" VARCHAR(64) NOT NULL, "previous" VARCHAR(64), "created" REAL NOT NULL, "card" BLOB NOT NULL, "task" VARCHAR(255) NOT NULL, "parameters" BIGINT NOT NULL, "bytes" BIGINT NOT NULL, "tags" TEXT NOT NULL, PRIMARY KEY ("repo_id", "revision"), FOREIGN KEY ("repo_id") REFERENCES "repo" ("name") ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS "commit_repo_id" ON "commit" ("repo_id");
CREATE TABLE IF NOT EXISTS "tag" ("repo_id" VARCHAR(96) NOT NULL, "name" VARCHAR(96) NOT NULL, "revision" VARCHAR(64) NOT NULL, PRIMARY KEY ("repo_id", "name"), FOREIGN KEY ("repo_id") REFERENCES "repo" ("name") ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS "tag_repo_id" ON "tag" ("repo_id");
"""  # noqa: E501


def card(name: str, summary: str = "", parent: str = "") -> Card:
    files = (FileEntry("w.bin", 7, f"{len(summary):064x}"),)
    lineage = Lineage(parent) if parent else None
    return Card(name, "keras", "w.bin", "image-classification", summary, tags=("small",), files=files, lineage=lineage)


FIRST, SECOND = card("mine"), card("mine", "better")
CHILD = card("child", "grown", f"mine@{revision_of(FIRST)[:12]}")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A catalogue of version 1: a repo of two revisions, and one that came of the first of them."""
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.executescript(DDL_1)
        database.executemany("INSERT INTO repo VALUES (?, ?)", [("mine", 1.0), ("child", 3.0)])
        commits = [
            ("mine", revision_of(FIRST), None, 1.0, encode(FIRST), FIRST.task, 0, 7, "small"),
            ("mine", revision_of(SECOND), revision_of(FIRST), 2.0, encode(SECOND), SECOND.task, 0, 7, "small"),
            ("child", revision_of(CHILD), None, 3.0, encode(CHILD), CHILD.task, 0, 7, "small"),
        ]
        database.executemany('INSERT INTO "commit" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', commits)
        labels = [("mine", revision_of(SECOND)), ("child", revision_of(CHILD))]
        database.executemany("INSERT INTO tag VALUES (?, 'main', ?)", labels)
        database.execute("PRAGMA user_version = 1")
    return path


def version(path: Path) -> int:
    with sqlite3.connect(path) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_version_1_is_kept_in_full(old: Path) -> None:
    catalogue = Catalogue(old)
    first, second = revision_of(FIRST), revision_of(SECOND)
    assert catalogue.summaries() == [
        Summary("child", revision_of(CHILD), "local", "image-classification", 0, 7, ("small",), 3.0),
        Summary("mine", second, "local", "image-classification", 0, 7, ("small",), 2.0),
    ]
    assert version(old) == SCHEMA == len(migrations.MIGRATIONS)
    assert not {"repo", "commit", "tag"} & tables(old)
    assert catalogue.history("mine") == [Entry(first, None, 1.0, ""), Entry(second, first, 2.0, "")]
    assert catalogue.labels("mine") == [Label("main", "branch", second)]
    found = catalogue.find("mine", first[:7])
    assert found is not None
    assert (found.card, found.revision, found.created) == (FIRST, first, 1.0)
    assert [model.name for model in catalogue.children(first)] == ["child"]
    assert [line.name for line in catalogue.search("bett")] == ["mine"]
    assert [line.name for line in catalogue.summaries(tag="small", task="image-classification")] == ["child", "mine"]
    assert catalogue.live([f"{6:064x}", f"{9:064x}", first]) == {f"{6:064x}", first}
    assert catalogue.check() == []


def test_an_old_catalogue_goes_on(old: Path) -> None:
    catalogue = Catalogue(old)
    third = catalogue.commit(card("mine", "third"), update=True)
    assert [entry.previous for entry in catalogue.history("mine")] == [None, revision_of(FIRST), revision_of(SECOND)]
    assert catalogue.find("mine") == third
    catalogue.commit(card("new"))
    assert catalogue.count() == 3
    assert catalogue.check() == []


def test_of_many_processes_one_migrates(old: Path) -> None:
    code = f"from registry.catalogue import Catalogue; print(Catalogue({str(old)!r}).count())"
    many = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert [process.communicate()[0] for process in many] == ["2\n"] * 6
    assert Catalogue(old).check() == []


def test_a_killed_migration_leaves_the_old_catalogue(old: Path) -> None:
    code = f"""
import os
from registry.catalogue import Catalogue, migrations
def killed(engine):
    migrations._to_2(engine)
    os._exit(9)
migrations.MIGRATIONS = (migrations._to_1, killed)
Catalogue({str(old)!r}).summaries()
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert version(old) == 1
    assert tables(old) == {"repo", "commit", "tag"}
    assert Catalogue(old).count() == 2


def test_a_migration_that_fails_changes_nothing(old: Path) -> None:
    with sqlite3.connect(old) as database:
        database.execute("""UPDATE "commit" SET card = 'no card' WHERE repo_id = 'child'""")
    with pytest.raises(ZooError, match=r"the card of child@\w{12} is no model card"):
        Catalogue(old).summaries()
    assert version(old) == 1
    assert tables(old) == {"repo", "commit", "tag"}


def test_an_interrupted_creation_of_version_1(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as database:
        database.execute('CREATE TABLE "repo" ("name" VARCHAR(96) NOT NULL PRIMARY KEY, "created" REAL NOT NULL)')
    assert Catalogue(path).summaries() == []
    Catalogue(path).commit(card("mine"))
    assert Catalogue(path).count() == 1


def test_an_empty_file_is_an_empty_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.touch()
    assert Catalogue(path).summaries() == []
    assert path.stat().st_size == 0
    Catalogue(path).commit(card("mine"))
    assert Catalogue(path).count() == 1


def test_a_newer_catalogue(tmp_path: Path, postgres: str) -> None:
    for place in (str(tmp_path / "catalogue.db"), postgres):
        catalogue = Catalogue(place)
        catalogue.commit(card("mine"))
        catalogue._engine.prepare()
        with catalogue._engine.session():
            catalogue._engine.set_version(99)
        for use in (catalogue.summaries, lambda catalogue=catalogue: catalogue.commit(card("other"))):
            with pytest.raises(ZooError, match=rf"has schema 99; this version reads up to {SCHEMA}") as caught:
                use()
            assert caught.value.hint == "pip install --upgrade zoo"
        catalogue.close()


def test_many_processes_create_one_catalogue(tmp_path: Path, postgres: str) -> None:
    for place in (str(tmp_path / "state" / "catalogue.db"), postgres):
        code = f"""
import sys
from registry.card import Card
from registry.catalogue import Catalogue
Catalogue({place!r}).commit(Card("model-" + sys.argv[1], "keras", "w"))
"""
        many = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(6)]
        assert [process.wait() for process in many] == [0] * 6
        catalogue = Catalogue(place)
        assert catalogue.count() == 6
        assert catalogue.check() == []
        catalogue.close()
