"""Several processes write to one catalogue at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.catalogue import Catalogue

PROCESSES = 8
MODELS = 100
UPDATES = 20

# Each process waits for a line, so that all begin together.
WRITE = """
import sys
from registry.card import Card, FileEntry
from registry.catalogue import Catalogue

what, place, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
catalogue = Catalogue(place)

def card(name, n):
    files = (FileEntry("w.bin", 1, f"{number * 1000 + n:064x}"), FileEntry("same", 1, "f" * 64))
    return Card(name, "keras", "w.bin", "image-classification", f"number {number} {n}", tags=("many",), files=files)

print("ready", flush=True)
sys.stdin.readline()
if what == "models":
    for n in range(100):
        catalogue.commit(card(f"model-{number}-{n}", n))
else:
    for n in range(20):
        catalogue.commit(card("shared", n), update=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new catalogue is."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres"))
    return str(tmp_path / "catalogue.db")


@pytest.fixture
def catalogue(place: str) -> Iterator[Catalogue]:
    """The catalogue that all write to."""
    made = Catalogue(place)
    yield made
    made.close()


def all_write(what: str, place: str) -> None:
    """Run eight processes at once, to their ends."""
    command = [sys.executable, "-c", WRITE, what, place]
    many = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    for process in many:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in many:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait() for process in many] == [0] * PROCESSES
    for process in many:
        assert process.stdin and process.stdout
        process.stdin.close()
        process.stdout.close()


def test_no_model_is_lost(catalogue: Catalogue, place: str) -> None:
    all_write("models", place)
    expected = {f"model-{number}-{n}" for number in range(PROCESSES) for n in range(MODELS)}
    lines = catalogue.summaries()
    assert {line.name for line in lines} == expected
    assert {line.name for line in catalogue.summaries(tag="many")} == expected
    assert {model.name: model.revision for model in catalogue.all_models()} == {
        line.name: line.revision for line in lines
    }
    files = {f"{number * 1000 + n:064x}" for number in range(PROCESSES) for n in range(MODELS)}
    assert catalogue.live(files) == files
    assert [line.name for line in catalogue.search("number 7 99")] == ["model-7-99"]
    assert all(len(catalogue.history(name)) == 1 for name in sorted(expected)[::50])
    assert catalogue.check() == []


def test_commits_to_one_repo_are_one_chain(catalogue: Catalogue, place: str) -> None:
    all_write("updates", place)
    history = catalogue.history("shared")
    assert len(history) == len({entry.revision for entry in history}) == PROCESSES * UPDATES
    assert [entry.previous for entry in history] == [None, *(entry.revision for entry in history[:-1])]
    head = catalogue.find("shared")
    assert head is not None and head.revision == history[-1].revision
    assert catalogue.summaries() == [head.summary]
    assert catalogue.check() == []
