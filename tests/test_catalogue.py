from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from registry.blobs import Blobs, sha256_of
from registry.card import Card, FileEntry
from registry.catalogue import Catalogue
from registry.errors import ZooError
from registry.home import Home
from registry.shelf import Shelf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two files, one of them in a folder below."""
    made = tmp_path / "files"
    (made / "sub").mkdir(parents=True)
    (made / "w.bin").write_bytes(b"weights")
    (made / "sub" / "t.txt").write_text("text")
    return made


def card(name: str = "mine", summary: str = "") -> Card:
    return Card(name, "keras", "w.bin", task="image-classification", tags=("small", "mine"), summary=summary)


def test_publish_find_and_lay_out(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder)
    found = shelf.find("mine")
    assert found == model == shelf.find(model.ref) == shelf.find(f"mine@{model.revision}")
    laid = shelf.folder(found)
    assert (laid / "w.bin").read_bytes() == b"weights"
    assert (laid / "sub" / "t.txt").read_text() == "text"
    assert [(file.path, file.sha256) for file in found.card.files] == [
        (path, sha256_of(folder / path)) for path in ("sub/t.txt", "w.bin")
    ]
    assert shelf.folder(found) == laid


def test_revisions_are_kept(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder)
    second = shelf.publish(card(summary="better"), folder, update=True)
    assert shelf.find("mine") == second
    assert shelf.find(first.ref) == first
    assert shelf.local.revisions("mine") == [first.revision, second.revision]


def test_the_same_content_again_is_the_same_revision(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder)
    assert shelf.publish(card(), folder, update=True) == first
    assert shelf.local.revisions("mine") == [first.revision]


def test_a_taken_name_is_refused_and_nothing_changes(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder)
    with pytest.raises(ZooError, match="the name 'mine' is taken") as caught:
        shelf.publish(card(summary="other"), folder)
    assert "--update" in caught.value.hint
    assert shelf.find("mine") == first
    with pytest.raises(ZooError, match="the name 'mnist-dnn' is taken"):
        shelf.publish(card("mnist-dnn"), folder, update=True)


def test_unknown_names_and_revisions(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder)
    with pytest.raises(ZooError, match="no model is named 'mnist-dn'") as caught:
        shelf.find("mnist-dn")
    assert "did you mean mnist-dnn" in caught.value.hint
    with pytest.raises(ZooError, match="mine has no revision 'abcdef0'") as caught:
        shelf.find("mine@abcdef0")
    assert model.revision[:12] in caught.value.hint
    with pytest.raises(ZooError, match="no source is named 'hf'"):
        shelf.find("hf://org/name")
    with pytest.raises(ZooError, match="is a path, not a model's name") as caught:
        shelf.find("./m.keras")
    assert caught.value.hint == "zoo import ./m.keras --as NAME"


def test_a_short_revision_is_not_enough(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder)
    with pytest.raises(ZooError, match="has no revision"):
        shelf.find(f"mine@{model.revision[:6]}")


def test_identical_files_are_stored_once(folder: Path, zoo_home: Path) -> None:
    shelf = Shelf()
    shelf.publish(card("a"), folder)
    before = len(list(zoo_home.rglob("blobs/??/*")))
    shelf.publish(card("b"), folder)
    assert len(list(zoo_home.rglob("blobs/??/*"))) == before + 1  # only b's own card


def test_nothing_temporary_is_left(folder: Path, zoo_home: Path) -> None:
    shelf = Shelf()
    shelf.folder(shelf.publish(card(), folder))
    assert not list(zoo_home.rglob("tmp-*"))


def test_a_file_that_is_no_catalogue(zoo_home: Path) -> None:
    zoo_home.mkdir()
    (zoo_home / "catalogue.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ZooError, match=r"the catalogue .*catalogue\.db cannot be used"):
        Shelf().summaries()


def test_a_newer_catalogue(folder: Path, zoo_home: Path) -> None:
    Shelf().publish(card(), folder)
    with sqlite3.connect(zoo_home / "catalogue.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ZooError, match="has schema 99; this version reads up to 1"):
        Shelf().summaries()


def test_looking_creates_nothing(zoo_home: Path) -> None:
    Shelf().summaries()
    assert Catalogue(zoo_home / "catalogue.db").find("x") is None
    assert not zoo_home.exists()


def test_a_home_that_is_a_file(folder: Path, zoo_home: Path) -> None:
    zoo_home.write_text("")
    with pytest.raises(ZooError, match="cannot create the folder") as caught:
        Shelf().publish(card(), folder)
    assert "ZOO_HOME" in caught.value.hint


def test_lost_bytes_are_named(folder: Path, zoo_home: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder)
    Blobs(Home(zoo_home).blobs).path(model.card.files[1].sha256).unlink()
    with pytest.raises(ZooError, match=r"the stored bytes of w\.bin are gone"):
        shelf.folder(model)
    assert not list((zoo_home / "checkouts").iterdir())


def test_shipped_models_are_listed_and_not_copied(zoo_home: Path) -> None:
    shelf = Shelf()
    model = shelf.find("mnist-dnn")
    assert model.source == "shipped"
    assert "mnist-dnn" in [line.name for line in shelf.summaries()]
    assert (shelf.folder(model) / "model.ckpt.meta").is_file()
    assert not zoo_home.exists()


def test_paths_out_of_the_folder_are_no_files() -> None:
    with pytest.raises(ValueError, match="leaves the model's folder"):
        FileEntry("a/../../b", 1, "0" * 64)
