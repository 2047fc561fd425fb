"""Many processes publish at once, and every model is there and whole, in SQLite and in PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path

import pytest
from publishers import collect_until, publish_many

from registry.home import Home
from registry.shelf import Shelf
from registry.verify import damage

PROCESSES, EACH = 8, 100


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, zoo_home: Path) -> Home:
    return Home(zoo_home, catalogue_url=request.getfixturevalue("postgres") if request.param == "postgresql" else "")


def test_eight_processes_publish_a_hundred_models_each(home: Home) -> None:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        published = pool.map(publish_many, [(home, number * EACH, EACH) for number in range(PROCESSES)], chunksize=1)
    assert Counter(len(names) for names in published) == {EACH: PROCESSES}
    shelf = Shelf(home)
    models = list(shelf.local.catalogue.all_models())
    assert {model.name for model in models} == {f"model-{number}" for number in range(PROCESSES * EACH)}
    assert [problem for model in models for problem in damage(shelf, model)] == []
    assert shelf.local.catalogue.check() == []


def test_garbage_is_collected_beside_publications(home: Home) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        collecting = pool.apply_async(collect_until, ((home, "model-10000"),))
        published = pool.map(publish_many, [(home, number * 30, 30) for number in range(3)], chunksize=1)
        publish_many((home, 10_000, 1))
        assert collecting.get(60) > 3
    assert [len(names) for names in published] == [30, 30, 30]
    shelf = Shelf(home)
    models = list(shelf.local.catalogue.all_models())
    assert len(models) == 91
    assert [problem for model in models for problem in damage(shelf, model)] == []
