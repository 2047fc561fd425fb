"""The catalogue in a SQLite file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry.catalogue.engine import Text
from registry.catalogue.own_sqlite import sqlite3
from registry.catalogue.patterns import to_glob
from registry.catalogue.peewee_alone import peewee
from registry.errors import ZooError
from registry.home import make_folder

PATIENCE = 30.0  # seconds to wait for another writer
LONGEST_PREFIX = 4  # letters of a beginning that the index has ready
FEW_WORDS = 40
CACHE_KILOBYTES = 262_144  # taken as it is needed: only large transactions do
SCHEMA_1_TABLES = {"repo", "commit", "tag"}  # may be there with no version yet, if their creation was interrupted


class Sqlite:
    """An engine on a file in WAL mode: one writer, and readers beside it."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self.db: Any = _File(path)
        self.texts = Fts5(self.db)

    def present(self) -> bool:
        """Say whether the file exists."""
        return self.path.exists()

    @contextmanager
    def session(self) -> Iterator[None]:
        """Open the file for as long as the block runs, so that one that was replaced meanwhile is seen."""
        if not self.db.is_closed():
            yield
            return
        try:
            with self.db.connection_context():
                yield
        except (peewee.DatabaseError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the writer's lock first, so that nothing that was read is old when it is written."""
        with self.db.atomic("IMMEDIATE"):
            yield

    def prepare(self) -> None:
        """Create the folder; refuse a file that cannot be written."""
        make_folder(self.path.parent)
        if not _writable(self.path):
            raise ZooError(
                f"the catalogue {self.path} cannot be written: the file or its folder is read-only",
                "set ZOO_HOME to a folder that you can write to",
            )

    def prepare_schema(self) -> None:
        """Switch to WAL, for good; refuse a file that cannot be written, or is another program's."""
        self.prepare()
        # The tables before the version: another process may be creating both, and they appear together.
        if (others := set(self.db.get_tables()) - SCHEMA_1_TABLES) and self.version() == 0:
            raise ZooError(
                f"the catalogue {self.path} cannot be used: it is another program's database, with the tables "
                f"{', '.join(sorted(others)[:5])}",
                "set ZOO_HOME to another folder",
            )
        _use_wal(self.db)

    def version(self) -> int:
        """Return the version in the file's header."""
        return int(self.db.pragma("user_version"))

    def set_version(self, version: int) -> None:
        """Write the version into the file's header; part of the transaction."""
        self.db.pragma("user_version", version)

    def matches(self, column: Any, pattern: str) -> Any:
        """Match by GLOB."""
        glob = to_glob(pattern)
        return peewee.SQL("1 = 0") if glob is None else peewee.Expression(column, "GLOB", glob)

    def problems(self) -> Iterator[str]:
        """Check the pages, the references between the tables, and the full-text index."""
        yield from (line for (line,) in self.db.execute_sql("PRAGMA integrity_check") if line != "ok")
        for table, _, other, _ in self.db.execute_sql("PRAGMA foreign_key_check"):
            yield f"a row of {table} refers to a row of {other} that is gone"
        if _writable(self.path):  # the index is checked by a command that is written like an insert
            try:
                self.db.execute_sql("INSERT INTO texts (texts, rank) VALUES ('integrity-check', 1)")
            except peewee.DatabaseError as error:
                yield f"the full-text index is damaged: {error}"

    def close(self) -> None:
        """Do nothing: no connection outlives its session."""

    def _unusable(self, error: Exception) -> ZooError:
        text = str(_cause(error))
        hint = "is it writable, on a disk with space, and a catalogue of zoo?"
        if "malformed" in text or "not a database" in text:
            hint = "zoo doctor --rebuild makes it anew from the stored files"
        elif "locked" in text:
            text = f"another process has been writing to it for {PATIENCE:.0f} seconds"
            hint = "try again when it is done"
        elif "fts5" in text:
            hint = "import zoo before sqlite3: TensorFlow brought a SQLite that has no full-text search"
        return ZooError(f"the catalogue {self.path} cannot be used: {text}", hint)


class Fts5:
    """SQLite's full-text index (https://www.sqlite.org/fts5.html), a row a repo."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def put(self, texts: Sequence[Text]) -> None:
        """Add repos that are not in it."""
        for text in texts:
            self._db.execute_sql("INSERT INTO texts (rowid, words) VALUES (?, ?)", (text.id, " ".join(text.words)))

    def remove(self, id: int) -> None:
        """Take a repo out."""
        self._db.execute_sql("DELETE FROM texts WHERE rowid = ?", (id,))

    def newest(self, words: Sequence[str], most: int) -> list[int]:
        """Return the youngest repos that have all the words, or words that begin with them."""
        query = " AND ".join(map(self._begun, words))
        rows = self._db.execute_sql(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT ?",
            (query, most),
        )
        return [id for (id,) in rows]

    def _begun(self, word: str) -> str:
        """Write that a word begins with this one.

        FTS5 looks up beginnings of 1 to 4 letters, but for a longer one it reads all that any such word is in, before
        it gives the first; where the words are few, to name them gives it at once.
        """
        if len(word) > LONGEST_PREFIX and len(known := self._words(word)) < FEW_WORDS:
            return "(" + " OR ".join(f'"{one}"' for one in known or [word]) + ")"
        return f'"{word}" *'

    def _words(self, beginning: str) -> list[str]:
        """Return the words of the index that begin like this, or the first some of them.

        Each is sought by itself, since the index has a row for each time that a word occurs.
        """
        self._db.execute_sql("CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab (main, texts, instance)")
        found: list[str] = []
        least = beginning
        while len(found) < FEW_WORDS:
            row = self._db.execute_sql("SELECT term FROM temp.words WHERE term >= ? LIMIT 1", (least,)).fetchone()
            if row is None or not row[0].startswith(beginning):
                break
            found.append(row[0])
            least = row[0] + "\x01"  # which sorts before all that words are made of
        return found


class _File(peewee.SqliteDatabase):
    """Opens the file in the way that it can be opened in."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), timeout=PATIENCE)
        self._path = path

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(_uri(self._path), uri=True, timeout=PATIENCE, isolation_level=None)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        return connection


def _uri(path: Path) -> str:
    mode = "rwc"
    if not _writable(path):
        # A reader of a WAL file creates two files beside it, which it cannot in a read-only folder; where nobody is
        # writing, the file alone is all there is to read (https://www.sqlite.org/wal.html#read_only_databases).
        alone = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
        mode = "ro&immutable=1" if alone else "ro"
    return f"{path.absolute().as_uri()}?mode={mode}"


def _writable(path: Path) -> bool:
    # In this order: another process may be creating the file.
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _cause(error: BaseException) -> BaseException:
    """Return what went wrong first: a full disk ends the transaction, and then it cannot be rolled back either."""
    while "cannot rollback" in str(error) and error.__context__:
        error = error.__context__
    return error


def _use_wal(db: Any) -> None:
    """SQLite does not wait where several processes switch at once, so we do."""
    deadline = time.monotonic() + PATIENCE
    while db.pragma("journal_mode") != "wal":
        try:
            db.pragma("journal_mode", "wal")
        except peewee.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
