"""Many processes publish at once, and every model is there and whole, in SQLite and in PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path

import pytest
from publishers import publish_many

from registry.home import Home
from registry.shelf import Shelf
from registry.verify import damage

PROCESSES, EACH = 8, 100


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_eight_processes_publish_a_hundred_models_each(
    database: str, zoo_home: Path, request: pytest.FixtureRequest
) -> None:
    home = Home(zoo_home, catalogue_url=request.getfixturevalue("postgres") if database == "postgresql" else "")
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        published = pool.map(publish_many, [(home, number * EACH, EACH) for number in range(PROCESSES)], chunksize=1)
    assert Counter(len(names) for names in published) == {EACH: PROCESSES}
    shelf = Shelf(home)
    models = list(shelf.local.catalogue.all_models())
    assert {model.name for model in models} == {f"model-{number}" for number in range(PROCESSES * EACH)}
    assert [problem for model in models for problem in damage(shelf, model)] == []
    assert shelf.local.catalogue.check() == []
