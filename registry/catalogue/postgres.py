"""The catalogue in a PostgreSQL database; needs psycopg 3, the extra `postgres`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from registry.catalogue.engine import Text
from registry.catalogue.patterns import to_regex
from registry.catalogue.peewee_alone import peewee
from registry.catalogue.tables import insert
from registry.errors import ZooError
from registry.extras import need

PATIENCE = 30  # seconds to wait for another writer
CONNECT = 10  # seconds to wait for the server
LOCK = 0x7A6F6F  # "zoo", the number of the writer's advisory lock within a database

INDEX: Any = peewee.Table("texts", ("repo", "words"))


class Postgres:
    """An engine on a server; a thread's connection stays open, since opening one may take longer than all else."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.place, self._passwords = _without_password(url)
        self.db: Any = _Server(url)
        self.texts = TsVector(self.db)
        self._has_version = False

    def present(self) -> bool:
        """Leave it to `version` to find out."""
        return True

    @contextmanager
    def session(self) -> Iterator[None]:
        """Open a connection unless this thread has one that works."""
        try:
            if not self.db.is_closed() and not self.db.is_connection_usable():
                self.db.close()
            self.db.connect(reuse_if_open=True)
        except (peewee.DatabaseError, peewee.InterfaceError, _driver_error()) as error:
            raise self._failed(
                "reached", error, "is the server running, and are user, password and database right?"
            ) from error
        try:
            yield
        except (peewee.DatabaseError, peewee.InterfaceError, _driver_error()) as error:
            busy = "lock timeout" in str(error)
            hint = (
                "try again when the other process is done" if busy else "may this user create and change tables there?"
            )
            raise self._failed("used", error, hint) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the writer's lock; it is given back at the end of the outermost transaction."""
        with self.db.atomic():
            self.db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            yield

    def prepare(self) -> None:
        """Do nothing: whether this user may write, the server says."""

    def prepare_schema(self) -> None:
        """Do nothing: tables of other programs do no harm."""

    def version(self) -> int:
        """Return the version in the table `zoo_schema`."""
        if not self._has_version:
            # Not by `to_regclass`: within a transaction it may answer from before another process made the table.
            there = "SELECT 1 FROM pg_class WHERE relname = 'zoo_schema' AND pg_table_is_visible(oid)"
            self._has_version = self.db.execute_sql(there).fetchone() is not None
        row = self.db.execute_sql("SELECT version FROM zoo_schema").fetchone() if self._has_version else None
        return int(row[0]) if row else 0

    def set_version(self, version: int) -> None:
        """Write the version into its table."""
        self.db.execute_sql("CREATE TABLE IF NOT EXISTS zoo_schema (version INTEGER NOT NULL)")
        self.db.execute_sql("DELETE FROM zoo_schema")
        self.db.execute_sql("INSERT INTO zoo_schema VALUES (%s)", (version,))

    def matches(self, column: Any, pattern: str) -> Any:
        """Match by a regex."""
        regex = to_regex(pattern)
        return peewee.SQL("1 = 0") if regex is None else peewee.Expression(column, "~", regex)

    def problems(self) -> Iterator[str]:
        """Return nothing: the server looks after its own structures."""
        return iter(())

    def close(self) -> None:
        """Close this thread's connection."""
        self.db.close()

    def _failed(self, what: str, error: Exception, hint: str) -> ZooError:
        text = " ".join(str(error).split())
        for password in self._passwords:
            text = text.replace(password, "***")
        return ZooError(f"the catalogue {self.place} cannot be {what}: {text}", hint)


class TsVector:
    """PostgreSQL's full-text index (https://www.postgresql.org/docs/current/datatype-textsearch.html), a row a repo.

    Words go in and are looked for as they are, without the parser and the dictionaries of the server, so that the
    answers are those of SQLite.
    """

    def __init__(self, db: Any) -> None:
        self._db = db

    def put(self, texts: Sequence[Text]) -> None:
        """Add repos that are not in it."""
        insert(self._db, INDEX, [(text.id, " ".join(f"'{word}'" for word in text.words)) for text in texts])

    def remove(self, id: int) -> None:
        """Take a repo out."""
        self._db.execute_sql("DELETE FROM texts WHERE repo = %s", (id,))

    def newest(self, words: Sequence[str], most: int) -> list[int]:
        """Return the youngest repos that have all the words, or words that begin with them."""
        query = " & ".join(f"'{word}':*" for word in words)
        rows = self._db.execute_sql(
            "SELECT repo FROM texts WHERE words @@ %s::tsquery ORDER BY repo DESC LIMIT %s", (query, most)
        )
        return [id for (id,) in rows.fetchall()]


class _Server(peewee.PostgresqlDatabase):
    """Connects through psycopg 3, which `peewee_alone` has hidden from peewee."""

    def __init__(self, url: str) -> None:
        _Server.psycopg2_adapter = _Server.psycopg3_adapter = _Psycopg
        super().__init__(url)


class _Psycopg(peewee.Psycopg3Adapter):
    """peewee's adapter, with the driver imported here."""

    def __init__(self) -> None:
        self._driver = need("psycopg", "postgres")
        status = self._driver.pq.TransactionStatus
        self.txn_idle, self.txn_inerror, self.txn_unknown = status.IDLE, status.INERROR, status.UNKNOWN
        super().__init__()

    def check_driver(self) -> None:
        pass

    def connect(self, db: Any, **_: Any) -> Any:
        return self._driver.connect(
            db.database,
            connect_timeout=CONNECT,
            options=f"-c lock_timeout={PATIENCE}s",
            # A plan that was made once for all words would be wrong for most: how frequent they are decides.
            prepare_threshold=None,
        )


def _driver_error() -> type[Exception]:
    driver = sys.modules.get("psycopg")
    return driver.Error if driver else peewee.DatabaseError


def _without_password(url: str) -> tuple[str, list[str]]:
    """Return an address as messages may show it, and the forms of its password that they may not.

    >>> _without_password("postgresql://me:p%40ss@host:5432/zoo?sslmode=require")
    ('postgresql://me@host:5432/zoo', ['p%40ss', 'p@ss'])
    """
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")  # a password may hold any character, though it should be percent-encoded
    host, _, options = place.partition("?")
    user, _, password = user.partition(":")
    given = [password, *re.findall(r"(?:^|&)password=([^&]*)", options)]
    forms = {form for one in given for form in (one, unquote(one)) if form}
    return f"{scheme}://{user}{at}{host}", sorted(forms, key=lambda form: (-len(form), form))
