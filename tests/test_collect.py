from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backends import backend  # noqa: F401
from publishers import write_model

from registry.card import Card
from registry.collect import Collected, collect, discard
from registry.errors import ZooError
from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot
from registry.verify import damage

Zoo = Callable[..., Any]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


def publish(folder: Path, seed: int, **spot: Any) -> Card:
    card = write_model(folder, seed, 500)
    Shelf().publish(card, folder, Spot("mine", **spot))
    return card


@pytest.mark.usefixtures("backend")
def test_what_is_needed_stays(made: Path) -> None:
    publish(made, 1)
    shelf = Shelf()
    shelf.folder(shelf.find("mine"))
    assert collect(shelf.local) == Collected()
    assert shelf.folder(shelf.find("mine")).is_dir()


@pytest.mark.usefixtures("backend")
def test_what_no_revision_needs_goes(made: Path, zoo_command: Zoo) -> None:
    publish(made, 1)
    shelf = Shelf()
    shelf.local.store.put_bytes(b"an orphan")
    checkout = shelf.home.checkouts / ("0" * 64)
    checkout.mkdir(parents=True)
    left = shelf.home.work / "w-left"
    left.mkdir(parents=True)
    half = shelf.home.downloads / "half"
    half.mkdir(parents=True)
    assert zoo_command("gc", "--dry-run", "--json") == {
        "blobs": 1, "bytes": 9, "checkouts": 1, "unfinished": 2, "removed": False,
    }  # fmt: skip
    assert checkout.exists()
    assert zoo_command("gc") == "removed: 1 file (9 B), 1 laid-out folder, 2 pieces of unfinished work\n"
    assert not any(path.exists() for path in (checkout, left, half))
    assert collect(shelf.local) == Collected()


@pytest.mark.usefixtures("backend")
def test_removing_a_revision_frees_what_only_it_had(made: Path, zoo_command: Zoo) -> None:
    publish(made, 1, tag="v1")
    publish(made, 2, update=True)
    shelf = Shelf()
    old, new = shelf.find("mine@v1"), shelf.find("mine")
    removed = zoo_command("rm", "mine@v1", "-y", "--json")
    assert removed["revisions"] == [old.revision]
    assert removed["bytes"] > 500
    assert shelf.find("mine") == new
    assert shelf.local.store.size(old.card.files[1].sha256) is None
    assert shelf.local.store.size(new.card.files[0].sha256) is not None  # both had it
    assert collect(shelf.local) == Collected()
    with pytest.raises(ZooError, match="has no revision 'v1'"):
        shelf.find("mine@v1")


@pytest.mark.usefixtures("backend")
def test_rm_asks_and_is_refused_without_a_terminal(made: Path, zoo_command: Zoo) -> None:
    publish(made, 1)
    assert zoo_command("rm", "mine", "--dry-run") == "would remove mine with 1 revision (--dry-run)\n"
    zoo_command("rm", "mine", code=1)
    assert "this would remove mine with 1 revision\nhint: pass -y" in zoo_command.err  # type: ignore[attr-defined]
    assert zoo_command("rm", "mine", "-y").startswith("removed mine with 1 revision; ")
    zoo_command("rm", "mine", "-y", code=1)
    assert "no model is named 'mine'" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("rm", "mnist-dnn", "-y", code=1)
    assert "mnist-dnn ships with zoo and cannot be removed" in zoo_command.err  # type: ignore[attr-defined]


@pytest.mark.parametrize(("answer", "code", "said"), [("n", 1, "error: nothing was removed"), ("y", 0, "removed mine")])
def test_rm_asks_at_a_terminal(made: Path, answer: str, code: int, said: str) -> None:
    publish(made, 1)
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    words = [sys.executable, "-m", "zoo", "rm", "mine"]
    done = subprocess.run(words, stdin=terminal, capture_output=True, text=True, timeout=60)
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == code
    assert "Remove mine with 1 revision? [y/N]:" in done.stderr
    assert said in done.stdout + done.stderr


def test_files_without_a_catalogue_are_left(made: Path, zoo_home: Path, zoo_command: Zoo) -> None:
    publish(made, 1)
    for path in zoo_home.glob("catalogue.db*"):
        path.unlink()
    zoo_command("gc", code=1)
    assert "and no catalogue" in zoo_command.err  # type: ignore[attr-defined]
    assert "hint: zoo doctor --rebuild" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("doctor", "--rebuild", "-y")
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"


def test_files_that_another_catalogue_uses_are_left(
    made: Path, tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_CATALOGUE", raising=False)
    one, two = (Shelf(Home(tmp_path / name, blobs_url=f"{s3}/both")) for name in ("one", "two"))
    for seed, shelf in enumerate((one, two)):
        shelf.publish(write_model(made, seed), made, Spot("mine"))
    one.local.store.put_bytes(b"an orphan")
    with pytest.raises(ZooError, match=r"in s3://.*/both also belong to \S+/two/catalogue\.db, which") as caught:
        collect(one.local)
    assert "remove its note from catalogues/" in caught.value.hint
    assert discard(one.local, one.local.catalogue.remove("mine")) == 0
    assert damage(two, two.find("mine")) == []


def test_one_home_with_two_catalogues(made: Path, postgres: str, zoo_home: Path) -> None:
    own, server = Shelf(Home(zoo_home)), Shelf(Home(zoo_home, catalogue_url=postgres))
    own.publish(write_model(made, 1), made, Spot("mine"))
    with pytest.raises(ZooError, match=r"also belong to catalogue\.db beside this folder"):
        collect(server.local)
    server.publish(write_model(made, 2), made, Spot("theirs"))
    with pytest.raises(ZooError, match=r"also belong to postgresql://127\.0\.0\.1:\d+/\w+, which"):
        collect(own.local)
    assert damage(own, own.find("mine")) == []
