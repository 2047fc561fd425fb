"""peewee, without the database drivers that it would import by itself.

`import peewee` also imports psycopg, psycopg2 and MySQL's drivers wherever they are installed: with psycopg 180 ms,
more than all of `zoo list` from SQLite. A None in `sys.modules` makes an import fail as if the module were missing
(https://docs.python.org/3/reference/import.html#the-module-cache). So they are hidden while peewee is imported, and
`registry.catalogue.postgres` brings psycopg in through an adapter of its own, at the first connection to PostgreSQL.
"""

from __future__ import annotations

import sys

from registry.catalogue import own_sqlite  # noqa: F401  before peewee imports sqlite3

_DRIVERS = ("psycopg", "psycopg2", "psycopg2cffi", "pymysql", "MySQLdb")
_hidden = [name for name in _DRIVERS if name not in sys.modules]

try:
    for _name in _hidden:
        sys.modules[_name] = None  # type: ignore[assignment]
    import peewee
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["peewee"]
