from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from publishers import write_model

from registry.card import FileEntry
from registry.catalogue import Catalogue
from registry.errors import ZooError
from registry.shelf import Shelf
from registry.spot import Spot

MINE = Spot("mine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def test_nothing_temporary_is_left(folder: Path, zoo_home: Path) -> None:
    shelf = Shelf()
    shelf.folder(shelf.publish(write_model(folder, 1), folder, MINE))
    assert [path.name for path in (zoo_home / "work").iterdir()] == ["gate.lock"]


def test_a_file_that_is_no_catalogue(zoo_home: Path) -> None:
    zoo_home.mkdir()
    (zoo_home / "catalogue.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ZooError, match=r"the catalogue .*catalogue\.db cannot be used"):
        Shelf().summaries()


def test_a_newer_catalogue(folder: Path, zoo_home: Path) -> None:
    Shelf().publish(write_model(folder, 1), folder, MINE)
    with sqlite3.connect(zoo_home / "catalogue.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ZooError, match="has schema 99; this version reads up to 2"):
        Shelf().summaries()


def test_looking_creates_nothing(zoo_home: Path) -> None:
    Shelf().summaries()
    assert Catalogue(zoo_home / "catalogue.db").find("x") is None
    assert not zoo_home.exists()


def test_a_home_that_is_a_file(folder: Path, zoo_home: Path) -> None:
    zoo_home.write_text("")
    with pytest.raises(ZooError, match="cannot create the folder") as caught:
        Shelf().publish(write_model(folder, 1), folder, MINE)
    assert "ZOO_HOME" in caught.value.hint


def test_shipped_models_are_listed_and_not_copied(zoo_home: Path) -> None:
    shelf = Shelf()
    model = shelf.find("mnist-dnn")
    assert model.source == "shipped"
    assert "mnist-dnn" in [line.name for line in shelf.summaries()]
    assert (shelf.folder(model) / "model.ckpt.meta").is_file()
    assert not zoo_home.exists()


def test_a_catalogue_that_cannot_be_read_does_not_hide_what_ships(zoo_home: Path) -> None:
    zoo_home.mkdir()
    (zoo_home / "catalogue.db").write_bytes(b"this is no database" * 100)
    assert Shelf().find("mnist-dnn").source == "shipped"


@pytest.mark.parametrize("path", ["a/../../b", "/a", "..", "a//b", "a/./b", "a\\b", "a\0b", "a\nb", ""])
def test_paths_out_of_the_folder_are_no_files(path: str) -> None:
    with pytest.raises(ValueError, match="leaves the model's folder"):
        FileEntry(path, 1, "0" * 64)
