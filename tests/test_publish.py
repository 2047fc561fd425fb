# ruff: noqa: F811  (a fixture that is imported, and then named as a parameter)
"""Publishing from the outside: to the catalogue here, and from there to hubs, registries, buckets and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import blobs, chain
from cryptography.hazmat.primitives.asymmetric import ec
from hub_repos import HubError
from hub_server import HubServer, hub  # noqa: F401
from services import free_port
from test_signatures import write_key

Zoo = Callable[..., Any]
QUICK = ("--epochs", "2", "--batch-size", "16", "--lr", "0.02", "--no-compare-scratch")
WEIGHTS = bytes(range(256)) * 20
PLACES = ("hf", "oci", "s3", "file")


@pytest.fixture(scope="module")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the small dense net as `tiny`, and a run that started from it; copied, never used."""
    import numpy as np

    from zoo.app import run

    folder, home = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("prepared") / "home"
    chain().save(folder / "chain.keras")
    arrays: dict[str, Any] = {f"{axis}_{name}": part for name, n in (("train", 60), ("valid", 30), ("test", 45))
              for axis, part in zip("xy", blobs(n), strict=True)}  # fmt: skip
    np.savez(folder / "blobs.npz", **arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        assert run(["import", str(folder / "chain.keras"), "--as", "tiny"]) == 0
        words = ["transfer", "tiny", "--data", str(folder / "blobs.npz"), "--reuse", "hidden[12]", "-q", *QUICK]
        assert run(words) == 0
    return home


@pytest.fixture
def tiny(prepared_home: Path, zoo_home: Path) -> str:
    """The small dense net in this test's catalogue, and a run."""
    shutil.copytree(prepared_home, zoo_home)
    return "tiny"


@pytest.fixture
def logged_in(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key; the public one is beside it."""
    return write_key(tmp_path / "team.pem", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_key(tmp_path / "other.pem", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Go on in an empty home, as if on another machine."""

    def go() -> Path:
        home = tmp_path / f"home-{uuid.uuid4().hex[:8]}"
        home.mkdir()
        monkeypatch.setenv("ZOO_HOME", str(home))
        return home

    return go


def make(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (folder / path).write_bytes(content)
    return folder


def local(zoo_command: Zoo) -> list[str]:
    return list(zoo_command("list", "--source", "local", "-q").split())


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder, with its size and time of change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def refused(zoo_command: Zoo, *words: object) -> str:
    """Expect that a command fails with clear words; return them."""
    zoo_command(*words, code=1)
    said = str(zoo_command.err)  # type: ignore[attr-defined]
    assert said.startswith("error: ") and "Traceback" not in said and "unexpected" not in said
    return said


def head(hub: HubServer, name: str, branch: str = "main") -> dict[str, bytes]:
    repo = hub.repos[name]
    return repo.commits[repo.branches[branch]]


# A run, and a model by name


def test_a_run_to_a_hub(
    zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import ModelCard, constants

    page = zoo_command("publish", "last", "--as", "x", "--to", "hf://me/x", "--tag", "v1")
    shown = zoo_command("show", "x", "--json")
    repo = hub.repos["me/x"]
    commit = repo.branches["main"]
    names = ["README.md", "model.keras", "model.safetensors", "test.npz", "zoo.json"]
    assert page == (
        f"published x@{shown['revision'][:12]} with {', '.join(names)}\n"
        f"to {hub.url}/me/x\nnext: zoo pull hf://me/x@{commit}\n"
    )
    assert shown["tags"] == ["v1"] and repo.labels == {"v1": commit}
    files = head(hub, "me/x")
    assert sorted(set(files) - {".gitattributes"}) == names
    assert sorted(names) == sorted([*(file["path"] for file in shown["files"]), "zoo.json"])
    card = ModelCard(files["README.md"].decode())
    assert (card.data.get("library_name"), card.data.get("tags")[0]) == ("keras", "zoo")
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)  # which is asked whether the front matter is right
    card.validate()
    assert not repo.private


def test_the_document(zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str) -> None:
    document = zoo_command("publish", "last", "--as", "x", "--to", "hf://me/x", "--private", "--json")
    assert set(document) == {"name", "revision", "url", "ref", "files", "signed"}
    assert (document["name"], document["url"], document["signed"]) == ("x", f"{hub.url}/me/x", False)
    assert document["revision"] == zoo_command("show", "x", "--json")["revision"]
    assert document["ref"] == f"hf://me/x@{hub.repos['me/x'].branches['main']}"
    assert hub.repos["me/x"].private
    here = zoo_command("publish", "last", "--as", "y", "--json")
    assert (here["name"], here["url"], here["ref"]) == ("y", None, None)


def test_a_runs_name_is_the_targets_unless_given(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    assert "a run's model needs a name" in refused(zoo_command, "publish", "last")
    assert zoo_command("publish", "last", "--to", f"file:{tmp_path}/shelf/net", "--json")["name"] == "net"
    assert local(zoo_command) == ["net", "tiny"]


@pytest.fixture
def places(hub: HubServer, logged_in: None, docker_registry: str, s3: str, tmp_path: Path) -> dict[str, str]:
    """Where to publish, by the source's scheme."""
    unique = uuid.uuid4().hex[:8]
    return {
        "hf": "hf://me/net", "oci": f"oci://{docker_registry}/{unique}/net", "s3": f"{s3}/shelf/net",
        "file": f"file:{tmp_path}/shelf/net",
    }  # fmt: skip


@pytest.mark.parametrize("scheme", PLACES)
def test_there_and_back(
    zoo_command: Zoo, places: dict[str, str], tiny: str, scheme: str, elsewhere: Callable[[], Path]
) -> None:
    place = places[scheme]
    document = zoo_command("publish", tiny, "--to", place, "--json")
    files = zoo_command("show", tiny, "--json")["files"]
    elsewhere()
    for text, name in ((place, "first"), (document["ref"], "second")):
        pulled = zoo_command("pull", text, "--as", name, "--json")
        assert (pulled["revision"], pulled["ref"]) == (document["revision"], document["ref"])
        assert zoo_command("show", name, "--json")["files"] == files
    assert zoo_command("verify", "--no-replay", "--json")["ok"]


@pytest.mark.parametrize("scheme", PLACES)
def test_the_same_again_changes_nothing_here(zoo_command: Zoo, places: dict[str, str], tiny: str, scheme: str) -> None:
    words = ("publish", "last", "--as", "x", "--to", places[scheme], "--json")
    assert zoo_command(*words)["revision"] == zoo_command(*words)["revision"]
    assert len(zoo_command("show", "x", "--json")["branches"]) == 1
    assert local(zoo_command) == ["tiny", "x"]


def test_what_ships_with_zoo(zoo_command: Zoo, tmp_path: Path, elsewhere: Callable[[], Path]) -> None:
    document = zoo_command("publish", "mnist-dnn", "--to", f"file:{tmp_path}/net", "--json")
    assert document["revision"] == zoo_command("show", "mnist-dnn", "--json")["revision"]
    assert local(zoo_command) == []
    zoo_command("publish", "mnist-dnn", "--as", "mine")
    assert zoo_command("show", "mine", "--json")["revision"] == document["revision"]
    elsewhere()
    assert zoo_command("pull", f"file:{tmp_path}/net", "--json")["revision"] == document["revision"]


def test_a_model_has_its_name_here_in_what_is_said(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    zoo_command("publish", tiny, "--as", "team/other")
    document = zoo_command("publish", "team/other", "--to", f"file:{tmp_path}/net", "--json")
    assert document["name"] == "team/other"


# Branches, tags, names


def test_a_branch_and_a_tag_here(zoo_command: Zoo, tiny: str) -> None:
    first = zoo_command("publish", "last", "--as", "x", "--json")["revision"]
    second = zoo_command("publish", tiny, "--as", "x", "--update", "--branch", "dev", "--tag", "v2", "--json")[
        "revision"
    ]
    assert zoo_command("show", "x", "--json")["revision"] == first
    assert zoo_command("show", "x@dev", "--json")["revision"] == second
    assert zoo_command("show", "x@v2", "--json")["revision"] == second
    zoo_command("publish", f"x@{second[:9]}", "--branch", "next")
    assert zoo_command("show", "x@next", "--json")["branches"] == ["dev", "next"]
    zoo_command("publish", "x", "--tag", "v1")
    assert zoo_command("show", "x", "--json")["tags"] == ["v1"]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["last", "--as", "tiny"], "the name 'tiny' is taken", "--update"),
        (["tiny", "--as", "mnist-dnn"], "the name 'mnist-dnn' is taken", "--as"),
        (["tiny"], "tiny is in the catalogue already", "--to"),
        (["last", "--as", "a b"], "is no model name", ""),
        (["last", "--as", "n" * 97], "expected 1 to 96 characters, got 97", ""),
        (["last", "--as", "x", "--tag", "a/b"], "is no name for a tag or branch", "v2"),
        (["last", "--as", "x", "--tag", "abcdef0"], "could be taken for a commit", "try vabcdef0"),
        (["last", "--as", "x", "--branch", "a b"], "is no name for a tag or branch", ""),
        (["nothing", "--as", "x"], "no model is named 'nothing', and no run", ""),
        (["last", "--as", "x", "--to", "me/x"], "--to me/x names no place outside the catalogue", "hf://org/name"),
        (["last", "--as", "x", "--to", "kaggle://a/b/keras/c"], "the source 'kaggle' cannot be published to", "hf"),
        (["last", "--as", "x", "--to", "ftp://a/b"], "no source is named 'ftp'", ""),
        (["last", "--as", "x", "--sign", "none.pem"], "cannot read the key none.pem", "openssl"),
    ],
)
def test_bad_input(zoo_command: Zoo, hub: HubServer, tiny: str, words: list[str], message: str, hint: str) -> None:
    said = refused(zoo_command, "publish", *words)
    assert message in said and hint in said
    assert message in zoo_command("publish", *words, "--json", code=1)["error"]["message"]
    assert local(zoo_command) == ["tiny"]
    assert not hub.requests


def test_a_tag_that_is_taken_here(zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str) -> None:
    zoo_command("publish", "last", "--as", "x", "--tag", "v1")
    said = refused(zoo_command, "publish", tiny, "--as", "x", "--update", "--tag", "v1", "--to", "hf://me/x")
    assert "the tag 'v1' of x names " in said
    zoo_command("publish", tiny, "--as", "x", "--update")
    words = ("publish", "x", "--tag", "v1", "--to", "hf://me/x")
    for last in ((), ("--dry-run",)):
        assert "the tag 'v1' of x names " in refused(zoo_command, *words, *last)
    assert not hub.repos


@pytest.mark.parametrize("scheme", ["hf", "s3", "file"])
def test_a_tag_that_is_taken_there(
    zoo_command: Zoo, zoo_home: Path, places: dict[str, str], tiny: str, scheme: str
) -> None:
    zoo_command("publish", tiny, "--to", places[scheme], "--tag", "v1")
    before = tree(zoo_home / "blobs")
    said = refused(zoo_command, "publish", "last", "--as", "x", "--to", places[scheme], "--tag", "v1")
    assert f"{places[scheme]} has a tag 'v1' already; nothing was changed" in said
    assert local(zoo_command) == ["tiny"]
    assert tree(zoo_home / "blobs") == before
    zoo_command("publish", "last", "--as", "x", "--to", places[scheme], "--tag", "v2")


def test_a_tag_moves_in_a_registry(zoo_command: Zoo, places: dict[str, str], tiny: str) -> None:
    zoo_command("publish", tiny, "--to", places["oci"], "--tag", "v1")
    revision = zoo_command("publish", "last", "--as", "x", "--to", places["oci"], "--tag", "v1", "--json")["revision"]
    assert zoo_command("pull", f"{places['oci']}:v1", "--as", "back", "--json")["revision"] == revision


def test_a_dry_run_changes_nothing(
    zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str, zoo_home: Path, key: Path
) -> None:
    before = tree(zoo_home)
    page = zoo_command("publish", "last", "--as", "x", "--to", "hf://me/x", "--sign", key, "--tag", "v1", "--dry-run")
    assert page == (
        "would publish x to hf://me/x with "
        "README.md, model.keras, model.safetensors, model.sig, test.npz, zoo.json (--dry-run)\n"
    )
    document = zoo_command("publish", tiny, "--to", "hf://me/x", "--dry-run", "--json")
    assert (document["name"], document["revision"], document["url"]) == ("tiny", None, None)
    assert tree(zoo_home) == before
    assert not hub.repos
    assert not [method for method, _, _ in hub.requests if method not in ("GET", "HEAD")]


# Signatures and the policy


def test_signed_and_checked(
    zoo_command: Zoo, tiny: str, tmp_path: Path, key: Path, other: Path, elsewhere: Callable[[], Path]
) -> None:
    place = f"file:{tmp_path}/place/net"
    document = zoo_command("publish", "last", "--as", "x", "--to", place, "--sign", key, "--json")
    assert document["signed"] and "model.sig" in document["files"]
    assert "signed:                 yes" in zoo_command("show", "x")
    elsewhere()
    public, wrong = key.with_suffix(".pub"), other.with_suffix(".pub")
    said = refused(zoo_command, "pull", place, "--verify-with", wrong)
    assert f"{place}@{document['revision']} was signed with the key " in said
    assert local(zoo_command) == []
    assert ", signature checked)" in zoo_command("pull", place, "--verify-with", public)
    assert zoo_command("pull", place, "--verify-with", public, "--json")["signed"]
    assert zoo_command("show", "net", "--json")["signed"]
    assert "was signed with the key" in refused(zoo_command, "pull", place, "--verify-with", wrong)
    assert local(zoo_command) == ["net"]


def test_a_signature_goes_along(
    zoo_command: Zoo, tiny: str, tmp_path: Path, key: Path, elsewhere: Callable[[], Path]
) -> None:
    zoo_command("publish", tiny, "--sign", key)
    zoo_command("publish", tiny, "--as", "other")
    place = f"file:{tmp_path}/place/net"
    document = zoo_command("publish", "other", "--to", place, "--json")
    assert document["signed"] and "model.sig" in document["files"]
    elsewhere()
    assert zoo_command("pull", place, "--verify-with", key.with_suffix(".pub"), "--json")["signed"]


def test_unsigned_and_changed(
    zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str, key: Path, elsewhere: Callable[[], Path]
) -> None:
    public = key.with_suffix(".pub")
    zoo_command("publish", tiny, "--to", "hf://me/plain")
    zoo_command("publish", tiny, "--to", "hf://me/signed", "--sign", key)
    elsewhere()
    said = refused(zoo_command, "pull", "hf://me/plain", "--verify-with", public)
    assert "is not signed: it has no model.sig" in said
    hub.add("me/signed", {"labels.txt": b"more"})
    assert "not signed: labels.txt" in refused(zoo_command, "pull", "hf://me/signed", "--verify-with", public)
    hub.add("me/signed", {"README.md": b"changed"})
    assert "changed: README.md" in refused(zoo_command, "pull", "hf://me/signed", "--verify-with", public)
    assert "README.md is not what its card says" in refused(zoo_command, "pull", "hf://me/signed")
    assert local(zoo_command) == []


def test_a_policy_that_wants_signatures(
    zoo_command: Zoo, tiny: str, tmp_path: Path, key: Path, other: Path, elsewhere: Callable[[], Path], zoo_home: Path
) -> None:
    places = [f"file:{tmp_path}/place/{name}" for name in ("plain", "wrong", "right")]
    zoo_command("publish", tiny, "--to", places[0])
    zoo_command("publish", tiny, "--to", places[1], "--sign", other)
    zoo_command("publish", tiny, "--to", places[2], "--sign", key)
    text = f'[trust]\nrequire-signature = true\nallow-unsafe = false\npublic-keys = ["{key.with_suffix(".pub")}"]\n'
    (zoo_home / "policy.toml").write_text(text)
    for words in (["last", "--as", "x"], [tiny, "--to", f"file:{tmp_path}/new"]):
        said = refused(zoo_command, "publish", *words)
        assert f"the policy {zoo_home}/policy.toml requires a signature" in said and "--sign KEY" in said
    zoo_command("publish", "last", "--as", "x", "--sign", key)
    said = refused(zoo_command, "publish", "last", "--as", "y", "--sign", key, "--allow-unsafe")
    assert f"the policy {zoo_home}/policy.toml forbids --allow-unsafe" in said
    home = elsewhere()
    (home / "policy.toml").write_text(text)
    assert "is not signed: it has no model.sig" in refused(zoo_command, "pull", places[0])
    assert "was signed with the key" in refused(zoo_command, "pull", places[1])
    assert "forbids --allow-unsafe" in refused(zoo_command, "pull", places[2], "--allow-unsafe")
    assert local(zoo_command) == []
    assert zoo_command("pull", places[2], "--json")["signed"]
    said = refused(zoo_command, "pull", places[2], "--verify-with", other.with_suffix(".pub"))
    assert "was signed with the key" in said


# What can run code


def test_a_pickle_does_not_go_out_unasked(
    zoo_command: Zoo, hub: HubServer, logged_in: None, tmp_path: Path, elsewhere: Callable[[], Path]
) -> None:
    folder = make(tmp_path / "pickled", {"pytorch_model.bin": WEIGHTS})
    zoo_command("pull", folder, "--allow-unsafe")
    said = refused(zoo_command, "publish", "pickled", "--to", "hf://me/pickled")
    assert "this cannot be published: pytorch_model.bin can run code as it is read (pickle)" in said
    assert "--allow-unsafe" in said
    assert not hub.repos
    revision = zoo_command("publish", "pickled", "--to", "hf://me/pickled", "--allow-unsafe", "--json")["revision"]
    elsewhere()
    said = refused(zoo_command, "pull", "hf://me/pickled")
    assert "pytorch_model.bin" in said and "--allow-unsafe" in said
    assert zoo_command("pull", "hf://me/pickled", "--allow-unsafe", "--json")["revision"] == revision


# Two at once, and servers that fail


@pytest.mark.parametrize("options", [(), ("--update",)], ids=["new", "update"])
def test_two_processes_and_one_name(zoo_command: Zoo, zoo_home: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    for name in ("one", "two"):
        zoo_command("pull", make(tmp_path / name, {"net.onnx": name.encode() * 9}))
    revisions = {zoo_command("show", name, "--json")["revision"] for name in ("one", "two")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "zoo", "publish", name, "--as", "both", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    said = [process.communicate(timeout=60)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    from registry.shelf import Shelf

    history = Shelf().local.catalogue.history("both")
    assert zoo_command("verify", "--json")["ok"]
    if options:
        assert codes == [0, 0], said
        assert {entry.revision for entry in history} == revisions
        assert [entry.previous for entry in history] == [None, history[0].revision]
    else:
        assert codes == [0, 1]
        assert "error: the name 'both' is taken\n" in "".join(said)
        assert len(history) == 1


def test_a_server_that_is_down(
    zoo_command: Zoo, hub: HubServer, logged_in: None, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("publish", "last", "--as", "x", "--to", "hf://me/x", "--tag", "v1")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    said = refused(zoo_command, *words)
    revision = zoo_command("show", "x", "--json")["revision"]
    assert f"x@{revision[:12]} is in the catalogue here; publishing it to hf://me/x failed: " in said
    assert "cannot be reached" in said and "check the connection" in said
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert zoo_command(*words, "--json")["revision"] == revision
    assert hub.repos["me/x"].labels == {"v1": hub.repos["me/x"].branches["main"]}
    assert local(zoo_command) == ["tiny", "x"]


def test_a_server_that_refuses(zoo_command: Zoo, hub: HubServer, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("publish", tiny, "--as", "x", "--to", "hf://me/x")
    assert refused(zoo_command, "publish", tiny, "--to", "hf://me/x") == (
        f"error: {hub.url} does not know who you are (401): Invalid username or password.\nhint: hf auth login\n"
    )
    said = refused(zoo_command, *words)
    assert "does not know who you are (401): Invalid username or password." in said
    assert said.endswith("hint: hf auth login\n")
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    assert "does not allow it (403): You don't have the rights to write here" in refused(zoo_command, *words)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    hub.refuse = [HubError(503, words="maintenance")]
    assert "is out of order (503): maintenance" in refused(zoo_command, *words)
    assert not hub.repos
    revision = zoo_command(*words, "--json")["revision"]
    assert zoo_command("pull", "hf://me/x", "--as", "back", "--json")["revision"] == revision
    assert local(zoo_command) == ["back", "tiny", "x"]


def test_places_are_searched_by_their_address(zoo_command: Zoo, s3: str, tmp_path: Path) -> None:
    zoo_command("publish", "mnist-dnn", "--as", "digits")
    for place in (f"{s3}/models", f"file:{tmp_path}/shelf"):
        zoo_command("publish", "digits", "--to", f"{place}/digits")
        found = zoo_command("search", "digit", "--in", place, "--json")
        assert [line["name"].endswith("/digits") for line in found["models"]] == [True], found
    assert zoo_command("search", "digit", "--in", f"{tmp_path}/shelf", "-q").strip().endswith("/digits")


def test_a_signature_can_follow(zoo_command: Zoo, s3: str, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tmp_path / "key"], check=True
    )
    subprocess.run(["openssl", "ec", "-in", tmp_path / "key", "-pubout", "-out", tmp_path / "pub"], check=True)
    zoo_command("publish", "mnist-dnn", "--as", "digits")
    zoo_command("publish", "digits", "--to", f"{s3}/digits")
    zoo_command("pull", f"{s3}/digits", "--as", "again", "--verify-with", tmp_path / "pub", code=1)
    assert "is not signed: it has no model.sig" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("publish", "digits", "--to", f"{s3}/digits", "--sign", tmp_path / "key")
    assert zoo_command("pull", f"{s3}/digits", "--as", "again", "--verify-with", tmp_path / "pub", "--json")["signed"]


def test_what_a_place_has_lost_is_published_again(zoo_command: Zoo, tmp_path: Path) -> None:
    zoo_command("publish", "mnist-dnn", "--as", "digits")
    zoo_command("publish", "digits", "--to", f"file:{tmp_path}/shelf")
    next((tmp_path / "shelf").glob("*/test.npz")).unlink()
    zoo_command("pull", f"file:{tmp_path}/shelf", "--as", "again", code=1)
    assert "has lost test.npz\nhint: publish it again" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("publish", "digits", "--to", f"file:{tmp_path}/shelf")
    zoo_command("pull", f"file:{tmp_path}/shelf", "--as", "again")


def test_a_shipped_model_has_no_tags(zoo_command: Zoo) -> None:
    zoo_command("publish", "mnist-dnn", "--tag", "v1", code=1)
    assert "mnist-dnn ships with zoo and has no tags" in zoo_command.err  # type: ignore[attr-defined]
