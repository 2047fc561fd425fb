from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from publishers import write_model

from registry.errors import ZooError
from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot

Zoo = Callable[..., Any]


@pytest.fixture
def filled(tmp_path: Path) -> Shelf:
    """A catalogue with two repos, three revisions, a branch, two tags, an origin and another name than the card's."""
    folder = tmp_path / "made"
    folder.mkdir()
    card = write_model(folder, 1, 300)
    shelf = Shelf()
    first = shelf.publish(card, folder, Spot("one", tag="v1"))
    shelf.publish(replace(card, summary="a second"), folder, Spot("one", update=True))
    shelf.publish(replace(card, summary="a try"), folder, Spot("one", branch="dev", update=True))
    (folder / "README.md").unlink(missing_ok=True)
    copy = shelf.adopt(shelf.zoo_json(first), folder, Spot("team/two", origin="hf://org/two@" + "a" * 40))
    shelf.local.tag(copy, "stable")
    return shelf


def state(shelf: Shelf) -> dict[str, Any]:
    catalogue = shelf.local.catalogue
    return {
        name: (catalogue.history(name), catalogue.labels(name), list(catalogue.all_models(name)))
        for name in ("one", "team/two")
    }


def test_all_of_it_comes_back(filled: Shelf, zoo_home: Path, zoo_command: Zoo) -> None:
    before = state(filled)
    path = zoo_home / "catalogue.db"
    content = bytearray(path.read_bytes())
    content[100:3000] = b"\xff" * 2900
    path.write_bytes(content)
    zoo_command("list", code=1)
    assert "zoo doctor --rebuild" in zoo_command.err  # type: ignore[attr-defined]
    assert "catalogue  PROBLEM  the catalogue " in zoo_command("doctor", code=1)
    zoo_command("doctor", "--rebuild", code=1)
    assert "pass -y" in zoo_command.err  # type: ignore[attr-defined]
    shown = zoo_command("doctor", "--rebuild", "-y")
    assert shown.startswith(f"rebuilt: 4 revisions, 2 tags\nthe old catalogue is kept as {path}.broken-1\n")
    assert state(Shelf()) == before
    assert zoo_command("verify", "--json")["ok"]
    assert "catalogue  ok     2 models" in zoo_command("doctor")


def test_a_catalogue_that_is_gone(filled: Shelf, zoo_home: Path, zoo_command: Zoo) -> None:
    before = state(filled)
    for path in zoo_home.glob("catalogue.db*"):
        path.unlink()
    assert zoo_command("doctor", "--rebuild", "-y", "--json") == {"revisions": 4, "tags": 2, "lost": [], "old": None}
    assert state(Shelf()) == before


def test_a_lost_card_is_named(filled: Shelf, zoo_home: Path, zoo_command: Zoo) -> None:
    head = filled.find("one@dev")
    filled.local.store.delete(head.revision)
    (zoo_home / "catalogue.db").unlink()
    assert f"lost: {head.ref}: its card is gone" in zoo_command("doctor", "--rebuild", "-y")
    with pytest.raises(ZooError, match="has no revision 'dev'"):
        Shelf().find("one@dev")


def test_what_was_refused_does_not_come_back(filled: Shelf, tmp_path: Path, zoo_home: Path, zoo_command: Zoo) -> None:
    folder = tmp_path / "made"
    with pytest.raises(ZooError, match="is taken"):
        filled.local.publish(write_model(folder, 5), folder, Spot("one"))
    with pytest.raises(ZooError, match="has a tag 'v1' already"):
        filled.local.tag(filled.find("one"), "v1")
    before = state(filled)
    (zoo_home / "catalogue.db").unlink()
    zoo_command("doctor", "--rebuild", "-y")
    assert state(Shelf()) == before


def test_a_server_that_is_not_empty_is_left_alone(postgres: str, tmp_path: Path) -> None:
    from registry.rebuild import rebuild

    folder = tmp_path / "made"
    folder.mkdir()
    shelf = Shelf(Home(tmp_path / "home", catalogue_url=postgres))
    shelf.publish(write_model(folder, 1), folder, Spot("one"))
    with pytest.raises(ZooError, match="the catalogue on the database server is not empty"):
        rebuild(shelf.local)
    shelf.local.catalogue.remove("one")
    assert rebuild(shelf.local).revisions == 1
    assert shelf.find("one")


def test_what_the_first_schema_left_without_notes_comes_back_beside_what_has_them(
    filled: Shelf, tmp_path: Path, zoo_home: Path, zoo_command: Zoo
) -> None:
    folder = tmp_path / "made"
    card = write_model(folder, 7)
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_bytes(filled.zoo_json(filled.find("one")).replace(b"a second", b"a forged"))
    first = filled.publish(card, folder, Spot("model-7"))
    (note,) = filled.local.catalogue.manifests("model-7", first.revision)
    filled.local.notes.delete(note)
    (zoo_home / "catalogue.db").unlink()
    assert zoo_command("doctor", "--rebuild", "-y", "--json")["lost"] == []
    assert Shelf().find("model-7").revision == first.revision
    assert len(Shelf().local.catalogue.history("one")) == 3  # a model's file that looks like a card is none
    assert zoo_command("verify", "--json")["ok"]


def test_a_broken_catalogue_without_files_is_set_aside(zoo_home: Path, zoo_command: Zoo) -> None:
    zoo_home.mkdir()
    (zoo_home / "catalogue.db").write_bytes(b"this is no database" * 100)
    shown = zoo_command("doctor", "--rebuild", "-y")
    assert shown.startswith(
        f"rebuilt: 0 revisions, 0 tags\nthe old catalogue is kept as {zoo_home}/catalogue.db.broken-1"
    )
    assert "mnist-dnn" in zoo_command("list")
    assert (zoo_home / "catalogue.db.broken-1").read_bytes().startswith(b"this is no database")
