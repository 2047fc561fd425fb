"""What a command says to type next is right, and what cannot be done is said before anything is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.errors import ZooError
from registry.home import home
from registry.shelf import Shelf

Zoo = Callable[..., Any]
FULL = Path("/dev/full")


def said(zoo_command: Zoo, *words: object, code: int = 1) -> str:
    zoo_command(*words, code=code)
    return str(zoo_command.err)  # type: ignore[attr-defined]


# The environment


@pytest.mark.parametrize(
    ("url", "shown"),
    [("foo", "foo"), ("postgresq://me:secret@host:1/zoo", "postgresq://host:1/zoo"), ("/a/b.db", "/a/b.db")],
)
def test_a_catalogue_that_is_no_server(
    url: str, shown: str, zoo_command: Zoo, chain_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_CATALOGUE", url)
    before = sorted(tmp_path.rglob("*"))
    for words in (["list"], ["import", chain_file, "--as", "x"], ["doctor"]):
        assert said(zoo_command, *words) == (
            f"error: ZOO_CATALOGUE={shown} is no address of a database server: "
            "expected postgresql://user@host:port/database\n"
            "hint: put it right, or unset it: without it the catalogue is a file in ZOO_HOME\n"
        )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_server_is_taken_by_both_names(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_CATALOGUE", f"{scheme}://zoo@host/zoo")
    assert home().catalogue == f"{scheme}://zoo@host/zoo"


def test_a_store_of_no_known_kind(
    zoo_command: Zoo, monkeypatch: pytest.MonkeyPatch, chain_file: Path, tiny: str
) -> None:
    monkeypatch.setenv("ZOO_BLOBS", "foo://x")
    message = "ZOO_BLOBS=foo://x cannot be used: foo://x cannot be opened: Protocol not known: foo"
    hint = "expected an object store's address, such as s3://bucket/blobs; without it the files are in ZOO_HOME"
    assert said(zoo_command, "import", chain_file, "--as", "x") == f"error: {message}\nhint: {hint}\n"
    shown = zoo_command("doctor", code=1)
    assert f"leftovers  PROBLEM  {message}\n" in shown and f"hint: leftovers: {hint}\n" in shown


# Where the output goes


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "words", [["show", "mnist-dnn", "--json"], ["show", "mnist-dnn"], ["list", "-q"], ["show", "nothing", "--json"]]
)
def test_output_that_cannot_be_written(words: list[str], zoo_home: Path) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *words], stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "ZOO_HOME": str(zoo_home)},
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        "error: the output cannot be written: No space left on device\n"
        "hint: free some space, or let it go somewhere else\n",
    )


def test_a_reader_who_has_read_enough(zoo_home: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "wb") as pipe:  # noqa: PTH123  a handle, not a path
        done = subprocess.run([sys.executable, "-m", "zoo", "list"], stdout=pipe, stderr=subprocess.PIPE)
    assert done.stderr == b""


# Publishing and pulling


def test_a_branch_is_named_where_main_is_not_there(tiny: str, zoo_command: Zoo) -> None:
    page = zoo_command("publish", tiny, "--as", "tiny-dev", "--branch", "dev")
    assert page.endswith("\nnext: zoo show tiny-dev@dev\n")
    assert zoo_command("show", "tiny-dev@dev")
    assert zoo_command("publish", tiny, "--as", "again").endswith("\nnext: zoo show again\n")


@pytest.mark.parametrize("option", ["--tag", "--branch"])
def test_a_label_that_can_be_none_is_found_by_a_dry_run(option: str, tiny: str, zoo_command: Zoo) -> None:
    words = ("publish", tiny, "--as", "x", option, "a b", "--dry-run")
    assert said(zoo_command, *words).startswith("error: 'a b' is no name for a tag or branch: expected 1 to 95 ")


def test_a_place_to_publish_to(tiny: str, zoo_command: Zoo) -> None:
    assert said(zoo_command, "publish", tiny, "--to", "shelf").endswith(
        "hint: hf://org/name, oci://host/name, s3://bucket/name; a folder is ./shelf\n"
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder that takes no files")
def test_a_folder_that_takes_no_files(tiny: str, zoo_command: Zoo) -> None:
    assert said(zoo_command, "publish", tiny, "--to", "file:/proc/x") == (
        f"error: file:/proc/x/{Shelf().find(tiny).revision} cannot be written: No such file or directory\n"
        "hint: choose a folder that you can write to\n"
    )


def test_a_file_that_is_typed_as_a_name(zoo_command: Zoo, chain_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(chain_file.parent.parent)
    path = f"{chain_file.parent.name}/{chain_file.name}"
    assert said(zoo_command, "pull", path).endswith(f"names a model on this machine\nhint: zoo pull ./{path}\n")
    assert "imported: 5 layers" in zoo_command("pull", f"./{path}")
    assert said(zoo_command, "pull", "tiny").endswith("\nhint: zoo pull hf://org/name; zoo search WORDS --in hf\n")


def test_a_broken_file_is_stored_as_the_hint_says(zoo_command: Zoo, tmp_path: Path) -> None:
    (tmp_path / "bad.keras").write_bytes(b"no archive")
    hint = said(zoo_command, "add", tmp_path / "bad.keras", "--as", "bad").splitlines()[1]
    words = re.search(r"; zoo (.+ --no-import) stores the files as they are$", hint)
    assert words and zoo_command(*words[1].split())
    assert Shelf().find("bad").card.format == "keras"


def test_what_is_not_imported_says_why(zoo_command: Zoo, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text("{}")
    page = zoo_command("pull", f"file:{tmp_path}/odd")
    assert "\nkept as it came, not imported: no file of it is in a format that is known\n" in page
    (tmp_path / "net.pb").write_bytes(b"no graph")
    page = zoo_command("pull", f"file:{tmp_path}/net.pb")
    assert f"\nkept as it came, not imported: net.pb of file:{tmp_path}/net.pb" in page
    assert page.endswith("(format frozen-graph)\nnext: zoo import net --as NAME\n")


# Upkeep


def test_a_rebuild_says_what_is_kept(tiny: str, zoo_command: Zoo, zoo_home: Path) -> None:
    kept = zoo_home / "catalogue.db.broken-1"
    assert said(zoo_command, "doctor", "--rebuild") == (
        f"error: this would make the catalogue anew from the stored files; the old one is kept as {kept}\n"
        "hint: pass -y to do it without being asked\n"
    )
    assert f"the old catalogue is kept as {kept}\n" in zoo_command("doctor", "--rebuild", "-y")
    assert kept.exists()


def test_gc_takes_yes_as_the_others_do(zoo_command: Zoo) -> None:
    assert zoo_command("gc", "-y") == zoo_command("gc")


def test_a_list_of_nothing(zoo_command: Zoo) -> None:
    assert zoo_command("list", "nothing*") == "nothing fits; zoo list shows all\n"
    assert zoo_command("list", "nothing*", "-q") == ""
    assert zoo_command("list", "nothing*", "--json") == {"models": [], "count": 0}


def test_bytes_of_a_shipped_model_are_looked_at(tmp_path: Path) -> None:
    import shutil

    from registry.sources.shipped import Shipped

    shutil.copytree(Shipped().root / "mnist-dnn", tmp_path / "mnist-dnn")
    shipped = Shipped(tmp_path)
    model = shipped.models()[0]
    path = tmp_path / "mnist-dnn" / model.card.files[0].path
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ZooError, match=r"mnist-dnn: the stored bytes of \S+ are damaged: expected sha256") as caught:
        shipped.lay(model, tmp_path / "laid")
    assert caught.value.hint == "install the package again"
