"""TensorFlow carries a SQLite without full-text search, and offers it to what is loaded later."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import tensorflow
{between}
from registry.card import Card
from registry.catalogue import Catalogue
from registry.errors import ZooError
import sys
catalogue = Catalogue(sys.argv[1])
try:
    catalogue.commit(Card("net", "keras", "model.keras", summary="tells digits apart"))
    print([line.name for line in catalogue.search("digit")])
except ZooError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("between", "expected"),
    [("", "['net']"), ("import sqlite3", "no such module: fts5 | import zoo before sqlite3")],
)
def test_tensorflow_first(between: str, expected: str, tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(between=between), f"{tmp_path}/catalogue.db"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert expected in done.stdout, done.stderr[-2000:]
