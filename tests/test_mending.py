"""Bytes that were damaged behind the catalogue's back: never sent on, and had again as the messages say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backends import backend, overwrite  # noqa: F401

from registry.blobs import Blobs
from registry.home import Home
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from registry.sources.folder.source import Files
from registry.watch import silent
from zoo.laying import laid

Zoo = Callable[..., Any]


def sha256_of_weights(model: Model) -> str:
    return next(file.sha256 for file in model.card.files if file.path == "model.keras")


def flip(sha256: str, *, in_place: bool = False) -> None:
    """Change one byte of a stored file; in place also in what is laid out of it by hard links."""
    shelf = Shelf()
    with shelf.local.store.open(sha256) as reader:
        content = bytearray(reader.read())
    content[len(content) // 2] ^= 1
    if not in_place:
        overwrite(shelf, sha256, bytes(content))
        return
    assert isinstance(shelf.local.store, Blobs)
    path = shelf.local.store.path(sha256)
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.fixture
def shelf_folder(tmp_path: Path, home_with_tiny: Path) -> Path:
    """A folder that `tiny` was published to, from another home."""
    shelf, folder = Shelf(Home(shutil.copytree(home_with_tiny, tmp_path / "elsewhere"))), tmp_path / "shelf" / "tiny"
    model = shelf.find("tiny")
    with laid(shelf, model, None) as files:
        Files().push(files, model.card, Ref(str(folder), None, "file"), watch=silent)
    return folder


@pytest.mark.parametrize("laid_out", [False, True])
def test_damaged_bytes_are_not_published(
    laid_out: bool, shelf_folder: Path, tiny: str, zoo_command: Zoo, tmp_path: Path
) -> None:
    model = Shelf().find(tiny)
    if laid_out:
        Shelf().folder(model)
    flip(sha256_of_weights(model), in_place=True)
    for words in (("--to", f"file:{tmp_path}/next"), ("--as", "other")):
        zoo_command("publish", tiny, *words, code=1)
        assert re.fullmatch(
            rf"error: {model.ref}: the stored bytes of model.keras are damaged: expected sha256 \w+, got \w+\n"
            rf"hint: zoo pull REF --as tiny restores it from where it was published; zoo rm {model.ref} gives it up\n",
            zoo_command.err,  # type: ignore[attr-defined]
        )
    assert not (tmp_path / "next").exists()


def test_what_is_published_is_what_is_stored_not_what_was_laid_out(
    shelf_folder: Path, tiny: str, zoo_command: Zoo, tmp_path: Path
) -> None:
    model = Shelf().find(tiny)
    copy = Shelf().folder(model) / "model.keras"
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(b"x" + content[1:])
    zoo_command("publish", tiny, "--to", f"file:{tmp_path}/next")
    assert (tmp_path / "next" / model.revision / "model.keras").read_bytes() == content


@pytest.mark.parametrize("gone", [False, True])
def test_a_pull_restores_what_verify_finds(gone: bool, shelf_folder: Path, tiny: str, zoo_command: Zoo) -> None:
    model, others = Shelf().find(tiny), zoo_command("publish", tiny, "--as", "other")
    weights = sha256_of_weights(model)
    copies = Shelf().folder(model)
    flip(weights, in_place=True)
    if gone:
        Shelf().local.store.delete(weights)
    shown = zoo_command("verify", tiny, "--no-replay", code=1)
    assert f"{model.ref}: model.keras is {'missing' if gone else 'damaged'}: expected sha256 {weights}" in shown
    assert shown.endswith(
        f"; zoo pull REF --as tiny restores it from where it was published; zoo rm {model.ref} gives it up\n"
        + (f"{model.ref}: {copies}/model.keras was damaged: its folder was removed, and is laid out again at need\n"
           if gone else "")
        + "0 of 1 revisions verified, 1 damaged\n"
    )  # fmt: skip
    would = zoo_command("pull", f"file:{shelf_folder}", "--as", tiny, "--dry-run")
    assert would.endswith(f"would pull file:{shelf_folder}@{model.revision} as tiny (--dry-run)\n")
    said = zoo_command("pull", f"file:{shelf_folder}", "--as", tiny)
    ref = f"file:{shelf_folder}@{model.revision}"
    assert said == f"restored {model.ref}, of which stored bytes were damaged, from {ref}\n"
    assert zoo_command("verify").endswith("revisions verified\n") and others  # the one of the other name, too
    again = zoo_command("pull", f"file:{shelf_folder}", "--as", tiny)
    assert again == f"{ref} is here already: {model.ref}\n"
    assert not zoo_command("pull", f"file:{shelf_folder}", "--as", tiny, "--json")["restored"]
    assert (Shelf().folder(model) / "model.keras").read_bytes()


@pytest.mark.usefixtures("backend")
def test_what_was_pulled_is_pulled_again(shelf_folder: Path, zoo_command: Zoo) -> None:
    zoo_command("pull", f"file:{shelf_folder}", "--as", "mine")
    model = Shelf().find("mine")
    flip(sha256_of_weights(model))
    words = re.search(r"; zoo (pull \S+ --as mine) restores it\n", zoo_command("verify", "mine", code=1))
    assert words and zoo_command(*words[1].split(), "--json")["restored"]
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"
    assert Shelf().find("mine") == model


def test_an_older_revision_is_restored_and_main_stays(shelf_folder: Path, tiny: str, zoo_command: Zoo) -> None:
    from registry.spot import Spot

    shelf = Shelf()
    old, folder = shelf.find(tiny), shelf_folder.with_name("changed")
    shutil.copytree(shelf.folder(old), folder)
    (folder / "more.txt").write_text("more")
    new = shelf.publish(old.card, folder, Spot(tiny, update=True))
    flip(sha256_of_weights(old))
    zoo_command("pull", f"file:{shelf_folder}", "--as", tiny, "--update")
    assert zoo_command("verify", tiny) == "2 of 2 revisions verified\n"
    assert {model.revision for model in shelf.local.catalogue.all_models(tiny)} == {old.revision, new.revision}


def test_a_card_and_notes_are_written_again_from_the_catalogue(
    shelf_folder: Path, tiny: str, zoo_command: Zoo, tmp_path: Path
) -> None:
    zoo_command("tag", tiny, "v1")
    shelf = Shelf()
    model = shelf.find(tiny)
    flip(model.revision)
    doctor = zoo_command("doctor", code=1)
    assert f"files      PROBLEM  missing or cut short: {model.ref}: zoo.json\n" in doctor
    assert "hint: files: zoo verify --no-replay says how they are had again\n" in doctor
    zoo_command("publish", tiny, "--to", f"file:{tmp_path}/next")  # the catalogue has the card, too
    assert isinstance(shelf.local.notes, Blobs)
    for sha256 in shelf.local.catalogue.manifests(tiny, model.revision):
        shelf.local.notes.path(sha256).chmod(0o644)
        shelf.local.notes.path(sha256).write_bytes(b"{")
    shown = zoo_command("verify", tiny, "--no-replay", code=1)
    assert shown.count("; it was written again from the catalogue\n") == 3
    assert zoo_command("verify", tiny) == "1 of 1 revisions verified\n"
    assert "files      ok" in zoo_command("doctor")
    zoo_command("gc")
    zoo_command("doctor", "--rebuild", "-y")
    assert shelf.find(f"{tiny}@v1").revision == shelf.find(tiny).revision == model.revision


def test_a_run_s_model_is_published_again(tiny: str, data_file: Path, zoo_command: Zoo) -> None:
    words = ("--epochs", "1", "--batch-size", "16", "--lr", "0.02", "--no-compare-scratch", "-q")
    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", *words)
    zoo_command("publish", "last", "--as", "mine")
    model = Shelf().find("mine")
    flip(sha256_of_weights(model))
    again = re.search(r"; zoo (publish \S+ --as mine --update) restores it\n", zoo_command("verify", "mine", code=1))
    assert again and zoo_command(*again[1].split())
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"
    assert Shelf().find("mine").revision == model.revision
