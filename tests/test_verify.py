from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import backend, overwrite, stored  # noqa: F401
from conftest import SHIPPED, blobs, chain
from publishers import write_model

from registry.model import Model
from registry.shelf import Shelf
from registry.spot import Spot
from registry.verify import damage

Zoo = Callable[..., Any]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    folder = tmp_path / "made"
    folder.mkdir()
    card = write_model(folder, 1, 200)
    shelf = Shelf()
    made = shelf.publish(card, folder, Spot("mine", tag="v1"))
    shelf.local.sign(made, b"a signature's text")
    return made


def test_every_flipped_bit_is_found(backend: str, model: Model) -> None:  # noqa: F811
    shelf = Shelf()
    draw = random.Random(0)
    contents = {sha256: read(shelf, sha256) for sha256 in stored(shelf)}
    assert damage(shelf, model) == []
    for sha256, content in contents.items():
        if b'"kind":"tag"' in content:
            continue  # the others are the files, the card, its manifest and signature
        places = range(len(content)) if backend != "s3" else draw.sample(range(len(content)), 3)
        for place in places:
            flipped = bytearray(content)
            flipped[place] ^= 1 << draw.randrange(8)
            overwrite(shelf, sha256, bytes(flipped))
            problems = damage(shelf, model)
            assert len(problems) == 1, (sha256, place)
            assert f"is damaged: expected sha256 {sha256}, got " in problems[0]
        overwrite(shelf, sha256, content)
    assert damage(shelf, model) == []


def read(shelf: Shelf, sha256: str) -> bytes:
    with shelf.local.store.open(sha256) as reader:
        return reader.read()


@pytest.mark.usefixtures("backend")
def test_a_file_cut_short_or_gone(model: Model, zoo_command: Zoo) -> None:
    shelf = Shelf()
    sha256 = model.card.files[1].sha256
    overwrite(shelf, sha256, read(shelf, sha256)[:-1])
    assert "w.h5 is damaged: expected sha256" in zoo_command("verify", "mine", code=1)
    shelf.local.store.delete(sha256)
    shown = zoo_command("verify", "mine", code=1)
    assert f"mine@{model.revision[:12]}: w.h5 is missing: expected sha256 {sha256}" in shown
    assert shown.endswith("0 of 1 revisions verified, 1 damaged\n")
    assert "w.h5" in zoo_command("doctor", code=1)
    document = zoo_command("verify", "--json", code=1)
    checked = {row["name"]: row["ok"] for row in document["models"]}
    assert checked.pop("mine") is False and set(checked) == set(SHIPPED) and all(checked.values())


def test_a_laid_out_copy_that_was_changed(model: Model) -> None:
    shelf = Shelf()
    copy = shelf.folder(model) / "w.h5"
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(b"x" + content[1:])
    assert damage(shelf, model) == [f"{copy} was damaged: its folder was removed, and is laid out again at need"]
    assert damage(shelf, model) == []
    assert (shelf.folder(model) / "w.h5").read_bytes() == content


def real(folder: Path) -> Model:
    from transfer.draft import draft

    folder.mkdir()
    card = draft(chain(), folder / "model.keras", blobs(16)[0])
    return Shelf().publish(card, folder, Spot("net"))


def test_the_stored_test_is_computed_anew(tmp_path: Path, zoo_command: Zoo) -> None:
    real(tmp_path / "net")
    assert zoo_command("verify", "net") == "1 of 1 revisions verified\n"
    folder = tmp_path / "net"
    with np.load(folder / "test.npz") as arrays:
        x, y = arrays["inputs"], arrays["outputs"]
    np.savez(folder / "test.npz", inputs=x, outputs=y + 0.01)
    shelf = Shelf()
    card = shelf.find("net").card
    shelf.publish(card, folder, Spot("net", update=True))
    shown = zoo_command("verify", "net", code=1)
    assert "its outputs for the stored test differ from the stored ones by up to 0.01" in shown
    assert shown.endswith("1 of 2 revisions verified, 1 damaged\n")
    assert zoo_command("verify", "net", "--no-replay") == "2 of 2 revisions verified\n"


def test_a_card_that_is_not_the_weights(tmp_path: Path, zoo_command: Zoo) -> None:
    from dataclasses import replace

    model = real(tmp_path / "net")
    layers = (*model.card.layers[:-1], replace(model.card.layers[-1], parameters=7))
    Shelf().publish(replace(model.card, layers=layers), tmp_path / "net", Spot("other"))
    assert "the card lists other layers than the weights have" in zoo_command("verify", "other", code=1)


def test_weights_that_cannot_be_read(tmp_path: Path, zoo_command: Zoo) -> None:
    real(tmp_path / "net")
    (tmp_path / "net" / "model.keras").write_bytes(b"no zip archive")
    shelf = Shelf()
    shelf.publish(shelf.find("net").card, tmp_path / "net", Spot("broken"))
    assert "its weights cannot be read" in zoo_command("verify", "broken", code=1)
