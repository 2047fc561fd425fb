# ruff: noqa: F811  (a fixture that is imported, and then named as a parameter)
"""Pulling from the outside: what is typed, what is in the catalogue then, and what is not."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kaggle_server
import numpy as np
import onnx_models
import pytest
import tfhub_server
from conftest import chain
from hub_server import HubServer, hub  # noqa: F401
from test_tfhub import packed

import registry.sources.hf.download as hf_download
from registry.card import Card, FileEntry, encode

Zoo = Callable[..., Any]
Homes = Callable[[str], Path]

LARGE = np.random.default_rng(0).bytes(300_000)
FILES = {"README.md": b"# small\n", "labels.txt": b"a\nb\n", "model.onnx": LARGE}
JUNK = "is no ONNX model: expected a ModelProto, got other or truncated bytes"
PICKLED = {"model.onnx": LARGE, "weights.pkl": b"pickle", "convert.py": b"print()"}
PAGE = b"""---
license: mit
pipeline_tag: image-classification
tags: [small, dense]
---
# Chain

Tells four kinds of points apart.
"""


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The small dense net as a Keras file."""
    path = tmp_path_factory.mktemp("chain") / "chain.keras"
    chain().save(path)
    return path.read_bytes()


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    """Go on in another home, as if on another machine."""

    def go(name: str) -> Path:
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / name))
        return tmp_path / name

    return go


def downloads(hub: HubServer) -> list[str]:
    """The files that were asked of a hub."""
    return [path for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]


def ranges(hub: HubServer) -> list[str]:
    return [headers["Range"] for _, _, headers in hub.requests if "Range" in headers]


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder, with its size and time of change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def content(name: str) -> dict[str, bytes]:
    """A local model's files, laid out."""
    from registry.shelf import Shelf

    shelf = Shelf()
    model = shelf.find(name)
    folder = shelf.folder(model)
    return {file.path: (folder / file.path).read_bytes() for file in model.card.files}


def local(zoo_command: Zoo) -> list[str]:
    return list(zoo_command("list", "--source", "local", "-q").split())


def refused(zoo_command: Zoo, *words: object, leaves: tuple[str, ...] = ()) -> str:
    """Expect that a command fails with clear words and changes nothing that is listed; return them."""
    zoo_command(*words, code=1)
    said = str(zoo_command.err)  # type: ignore[attr-defined]
    assert said.startswith("error: ")
    assert "Traceback" not in said and "unexpected" not in said
    assert len(said.splitlines()) <= 2
    assert local(zoo_command) == list(leaves)
    return said


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `zoo` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "zoo", *words], env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


# Revisions


@pytest.mark.parametrize("revision", ["", "@main", "@v1", "@draft", "@{commit}", "@{short}"])
def test_the_exact_commit_is_recorded(zoo_command: Zoo, hub: HubServer, revision: str) -> None:
    commit = hub.add("org/name", FILES)
    hub.tag("org/name", "v1")
    if revision == "@draft":
        commit = hub.add("org/name", {"README.md": b"# draft\n"}, branch="draft")
    document = zoo_command("pull", "hf://org/name" + revision.format(commit=commit, short=commit[:9]), "--json")
    assert document["ref"] == f"hf://org/name@{commit}"
    assert (document["name"], document["format"], document["known"]) == ("name", "onnx", False)
    assert document["files"] == ["README.md", "labels.txt", "model.onnx"]
    assert f"pulled from:            hf://org/name@{commit}\n" in zoo_command("show", "name")
    shown = zoo_command("show", "name", "--json")
    assert (shown["origin"], shown["revision"]) == (document["ref"], document["revision"])
    assert zoo_command("verify", "name", "--json")["ok"]


def test_the_page(zoo_command: Zoo, hub: HubServer) -> None:
    commit = hub.add("org/name", PICKLED)
    page = zoo_command("pull", "hf://org/name", "--as", "mine")
    revision = zoo_command("show", "mine", "--json")["revision"]
    assert page.split("\n\n") == [
        "FILE            SIZE\nmodel.onnx  300.0 kB",
        "LEFT OUT     WHY\nconvert.py   is a program\nweights.pkl  can run code as it is read (pickle)",
        f"kept as it came, not imported: model.onnx of hf://org/name@{commit} {JUNK}",
        f"pulled hf://org/name@{commit}\nstored as mine@{revision[:12]} (format onnx)\n"
        "next: zoo import mine --as NAME\n",
    ]


@pytest.mark.parametrize("how", ["kept as it came", "converted", "converted otherwise"])
def test_what_is_damaged_is_downloaded_again(
    how: str, zoo_command: Zoo, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is converted again is the same revision, unless another version of Keras does it: that is said."""
    from registry.shelf import Shelf

    chain().save(tmp_path / "model.h5")
    files = FILES if how == "kept as it came" else {"model.h5": (tmp_path / "model.h5").read_bytes()}
    ref = f"hf://org/name@{hub.add('org/name', files)}"
    zoo_command("pull", "hf://org/name")
    model = Shelf().find("name")
    store: Any = Shelf().local.store
    store.delete(next(file.sha256 for file in model.card.files if file.path == model.card.weights))
    assert f"; zoo pull {ref} --as name restores it\n" in zoo_command("verify", "name", code=1)
    if how == "converted otherwise":
        monkeypatch.setattr("keras.src.saving.saving_lib.keras_version", "3.99.0")
    time.sleep(2)  # the resolution of times in a zip
    said, now = zoo_command("pull", ref, "--as", "name"), Shelf().find("name")
    if how == "converted otherwise":
        assert f"\n{model.ref} is still damaged; zoo rm {model.ref} removes it\n" in said
        zoo_command("rm", model.ref, "-y")
    else:
        assert said == f"restored {model.ref}, of which stored bytes were damaged, from {ref}\n" and now == model
    assert zoo_command("verify", "name") == "1 of 1 revisions verified\n"
    assert zoo_command("pull", ref, "--as", "name") == f"{ref} is here already: {now.ref}\n"


def test_what_is_here_is_not_downloaded_again(zoo_command: Zoo, hub: HubServer) -> None:
    commit = hub.add("org/name", FILES)
    first = zoo_command("pull", "hf://org/name", "--json")
    hub.requests.clear()
    assert zoo_command("pull", "hf://org/name") == (
        f"hf://org/name@{commit} is here already: name@{first['revision'][:12]}\n"
    )
    again = zoo_command("pull", f"hf://org/name@{commit[:7]}", "--as", "name", "--tag", "v1", "--json")
    assert (again["known"], again["revision"]) == (True, first["revision"])
    assert downloads(hub) == []
    assert zoo_command("show", "name@v1", "--json")["revision"] == first["revision"]


def test_here_already_under_two_names(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    one = zoo_command("pull", "hf://org/name", "--as", "one", "--json")
    two = zoo_command("pull", "hf://org/name", "--as", "two", "--json")
    hub.requests.clear()
    for name, first in (("one", one), ("two", two)):
        assert zoo_command("pull", "hf://org/name", "--as", name, "--json")["revision"] == first["revision"]
    assert downloads(hub) == []


def test_a_newer_commit_is_a_new_revision_of_the_same_name(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    old = zoo_command("pull", "hf://org/name", "--json")
    commit = hub.add("org/name", {"labels.txt": b"c\nd\n"})
    new = zoo_command("pull", "hf://org/name", "--json")
    assert new["ref"] == f"hf://org/name@{commit}"
    assert new["revision"] != old["revision"]
    assert local(zoo_command) == ["name"]
    assert zoo_command("show", "name", "--json")["revision"] == new["revision"]
    assert content(f"name@{old['revision'][:12]}")["labels.txt"] == b"a\nb\n"
    assert content("name")["labels.txt"] == b"c\nd\n"


def test_a_revision_that_is_asked_for_by_name_does_not_change_what_the_name_means(
    zoo_command: Zoo, hub: HubServer
) -> None:
    first = hub.add("org/name", FILES)
    hub.tag("org/name", "v1")
    hub.add("org/name", {"labels.txt": b"c\nd\n"})
    new = zoo_command("pull", "hf://org/name", "--json")
    shown = zoo_command("pull", "hf://org/name@v1")
    assert "on the branch v1; name is what it was" in shown
    assert zoo_command("show", "name", "--json")["revision"] == new["revision"]
    assert content("name@v1")["labels.txt"] == b"a\nb\n"
    assert zoo_command("pull", f"hf://org/name@{first}", "--json")["known"]
    assert zoo_command("pull", "hf://org/name", "--json")["known"]
    middle = hub.add("org/name", {"labels.txt": b"e\n"})
    hub.add("org/name", {"labels.txt": b"f\n"})
    zoo_command("pull", f"hf://org/name@{middle}")
    assert content("name@pulled")["labels.txt"] == b"e\n"
    assert zoo_command("show", "name", "--json")["revision"] == new["revision"]
    zoo_command("pull", f"hf://org/name@{middle}", "--as", "name", "--tag", "middle", "--update")
    assert content("name@middle")["labels.txt"] == b"e\n"


def test_a_name_that_something_else_has(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    hub.add("other/name", FILES)
    hub.add("org/mnist-dnn", FILES)
    zoo_command("pull", "hf://org/name")
    hub.requests.clear()
    said = refused(zoo_command, "pull", "hf://other/name", leaves=("name",))
    assert said == (
        "error: the name 'name' is taken\n"
        "hint: choose another with --as, or add a revision to it with --update\n"
    )  # fmt: skip
    assert "'mnist-dnn' is taken" in refused(zoo_command, "pull", "hf://org/mnist-dnn", leaves=("name",))
    assert downloads(hub) == []
    zoo_command("pull", "hf://other/name", "--as", "other")
    zoo_command("pull", "hf://other/name", "--as", "name", "--update")
    assert local(zoo_command) == ["name", "other"]


def test_a_tag_that_is_taken_or_no_tag(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    zoo_command("pull", "hf://org/name", "--tag", "v1")
    hub.add("org/name", {"labels.txt": b"c"})
    said = refused(zoo_command, "pull", "hf://org/name", "--tag", "v1", leaves=("name",))
    assert "the tag 'v1' of name names " in said
    said = refused(zoo_command, "pull", "hf://org/name", "--tag", "abcdef0", leaves=("name",))
    assert "could be taken for a commit" in said


# Models of ours


@pytest.fixture
def ours(zoo_command: Zoo, hub: HubServer, keras_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The revision of a model that was published to `hf://me/tiny`."""
    (tmp_path / "chain.keras").write_bytes(keras_file)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    zoo_command("import", tmp_path / "chain.keras", "--as", "tiny")
    return str(zoo_command("publish", "tiny", "--to", "hf://me/tiny", "--json")["revision"])


def test_published_here_and_pulled_elsewhere(zoo_command: Zoo, hub: HubServer, ours: str, at_home: Homes) -> None:
    files = content("tiny")
    at_home("elsewhere")
    assert zoo_command("pull", "hf://me/tiny", "--json")["revision"] == ours
    assert zoo_command("pull", "hf://me/tiny", "--as", "team/mine", "--json")["revision"] == ours
    assert content("tiny") == content("team/mine") == files
    assert sorted(files) == ["README.md", "model.keras", "model.safetensors", "test.npz"]
    assert zoo_command("verify", "--json")["ok"]
    assert "hidden3  Dense" in zoo_command("layers", "team/mine")


def test_what_was_published_from_here_is_here(zoo_command: Zoo, hub: HubServer, ours: str) -> None:
    hub.requests.clear()
    again = zoo_command("pull", "hf://me/tiny", "--json")
    assert (again["known"], again["name"], again["revision"]) == (True, "tiny", ours)
    assert downloads(hub) == []


def doctored(zoo_json: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(zoo_json), **changes}).encode()


def described(*files: FileEntry) -> bytes:
    return encode(Card("net", "onnx", "model.onnx", files=files))


MODEL = FileEntry("model.onnx", len(LARGE), hashlib.sha256(LARGE).hexdigest())
HOSTILE = {
    "leaves the folder": (
        doctored(described(MODEL), files=[{"path": "../evil", "bytes": 1, "sha256": "0" * 64}]),
        "leaves the model's folder",
    ),
    "absolute": (
        doctored(described(MODEL), files=[{"path": "/tmp/evil", "bytes": 1, "sha256": "0" * 64}]),
        "leaves the model's folder",
    ),
    "weights leave": (doctored(described(MODEL), weights="../../model.onnx"), "leaves the model's folder"),
    "not there": (
        described(MODEL, FileEntry("w.npz", 9, "0" * 64)),
        "lacks w.npz, which its card lists: it is not there",
    ),
    "left out": (
        described(FileEntry("weights.pkl", 9, "0" * 64)),
        "lacks weights.pkl, which its card lists: can run code as it is read (pickle)",
    ),
    "another hash": (
        described(FileEntry("model.onnx", len(LARGE), "0" * 64)),
        f"model.onnx is not what its card says: expected sha256 {'0' * 64} and 300000 bytes, got {MODEL.sha256}",
    ),
    "no card": (b"[]", "zoo.json of hf://org/net@"),
    "a name out of the alphabet": (doctored(described(MODEL), name="../x"), "is no model name"),
    "a newer schema": (doctored(described(MODEL), schema=99), "has schema 99"),
}  # fmt: skip


@pytest.mark.parametrize(("zoo_json", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_cards(zoo_command: Zoo, hub: HubServer, tmp_path: Path, zoo_json: bytes, message: str) -> None:
    hub.add("org/net", {**PICKLED, "zoo.json": zoo_json})
    before = {path for path in tmp_path.rglob("*") if "evil" in path.name}
    assert message in refused(zoo_command, "pull", "hf://org/net")
    assert {path for path in tmp_path.rglob("*") if "evil" in path.name} == before
    assert zoo_command("verify", "--json")["ok"]


LONG = "n" * 97


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hf://org/name", "--as", LONG], "expected 1 to 96 characters, got 97"),
        (["hf://org/name", "--as", "a b"], "is no model name"),
        (["hf://org/name", "--as", "../name"], "is no model name"),
        (["hf://org/name", "--as", "a/b/c"], "3 segments"),
        ([f"hf://org/{LONG}"], "is no model name"),
        (["hf://org/na me"], "is no model name"),
        (["hf://org/../name"], "is no model name"),
        (["hf://org/name@main/../x"], "leaves the model's folder"),
        (["hf://org/name@"], "nothing follows the @"),
        (["hf://org/name@nothing"], "has no revision 'nothing'"),
        (["hf://org/nothing"], "has no model org/nothing, or it is private"),
        (["ftp://org/name"], "no source is named 'ftp'"),
        (["name"], "name names a model on this machine"),
        (["./nothing"], "there is nothing at file:"),
        (["hf://org/name", "--include", "*.h5"], "none of the model's 3 files fits *.h5"),
    ],
)
def test_bad_references(zoo_command: Zoo, hub: HubServer, zoo_home: Path, words: list[str], message: str) -> None:
    hub.add("org/name", FILES)
    assert message in refused(zoo_command, "pull", *words)
    document = zoo_command("pull", *words, "--json", code=1)
    assert message in document["error"]["message"]
    assert not zoo_home.exists()


# Models of others


def test_a_keras_file_is_imported(zoo_command: Zoo, hub: HubServer, keras_file: bytes) -> None:
    hub.add("org/chain", {"model.keras": keras_file, "README.md": PAGE, "LICENSE": b"MIT\n", "config.json": b"{}"})
    page = zoo_command("pull", "hf://org/chain")
    assert "(imported: 5 layers)\nnext: zoo layers chain\n" in page
    assert "reused, frozen" in zoo_command("layers", "chain", "--reuse", "hidden[12]")
    card = zoo_command("show", "chain", "--json")["card"]
    assert (card["license"], card["task"]) == ("mit", "image-classification")
    assert {"small", "dense"} <= set(card["tags"])
    assert card["summary"] == "Tells four kinds of points apart."
    files = content("chain")
    assert sorted(files) == [
        "LICENSE", "README.md", "README.origin.md", "model.keras", "model.safetensors", "test.npz",
    ]  # fmt: skip
    assert (files["LICENSE"], files["README.origin.md"]) == (b"MIT\n", PAGE)
    assert b"license: mit" in files["README.md"] and b"base_model: org/chain" in files["README.md"]
    assert zoo_command("verify", "chain", "--json")["ok"]


def test_without_import_the_files_are_stored_as_they_are(zoo_command: Zoo, hub: HubServer, keras_file: bytes) -> None:
    files = {"model.keras": keras_file, "README.md": PAGE, "LICENSE": b"MIT\n", "config.json": b"{}"}
    hub.add("org/chain", files)
    document = zoo_command("pull", "hf://org/chain", "--no-import", "--json")
    assert (document["format"], document["layers"]) == ("keras", 0)
    assert content("chain") == files
    assert zoo_command("show", "chain", "--json")["card"]["license"] == "mit"
    imported = zoo_command("pull", "hf://org/chain", "--json")  # asked for in another way, so it is no longer known
    assert (imported["known"], imported["layers"]) == (False, 5)
    assert zoo_command("pull", "hf://org/chain", "--json")["revision"] == imported["revision"]


def lambda_file(folder: Path) -> bytes:
    import keras

    x = keras.Input((3,))
    keras.Model(x, keras.layers.Lambda(lambda value: value * 2)(x)).save(folder / "lambda.keras")
    return (folder / "lambda.keras").read_bytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: b"PK junk", " is no Keras 3 file"),
        (lambda_file, ": the layer lambda is a Lambda, which would run"),
    ],
    ids=["junk", "lambda"],
)  # fmt: skip
def test_a_keras_file_that_cannot_be_loaded(
    zoo_command: Zoo, hub: HubServer, tmp_path: Path, make: Callable[[Path], bytes], message: str
) -> None:
    made = make(tmp_path)
    commit = hub.add("org/bad", {"model.keras": made})
    said = refused(zoo_command, "pull", "hf://org/bad")
    assert said.startswith(f"error: model.keras of hf://org/bad@{commit}{message}")
    assert said.endswith("--no-import stores the files as they are\n")
    zoo_command("pull", "hf://org/bad", "--no-import")
    assert content("bad") == {"model.keras": made}
    zoo_command("transfer", "bad", "--reuse", ".*", "--data", tmp_path / "none.npz", code=1)
    assert zoo_command("verify", "--json")["ok"]


def test_a_meta_graph_is_imported(zoo_command: Zoo, hub: HubServer, tmp_path: Path) -> None:
    import tf1_graphs

    tf1_graphs.save(tf1_graphs.textbook, tmp_path)
    hub.add("org/old", {path.name: path.read_bytes() for path in tmp_path.glob("model.ckpt*")})
    document = zoo_command("pull", "hf://org/old", "--json")
    assert document["max_abs_difference"] < 1e-5
    assert [one["scope"] for one in document["mapped"]][-1] == "outputs"
    assert "hidden5  Dense" in zoo_command("layers", "old")
    assert sorted(content("old")) == ["README.md", "model.keras", "model.safetensors", "test.npz"]


SAVED = {
    "saved_model.pb": b"graph",
    "variables/variables.data-00000-of-00001": LARGE,
    "variables/variables.index": b"index",
}


@pytest.fixture
def tfhub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A handle of TF Hub."""
    for name in ("TFHUB_MODEL_LOAD_FORMAT", "STORAGE_EMULATOR_HOST", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "tfhub"))
    with tfhub_server.serve() as server:
        server.archives["/google/small/1"] = packed({**SAVED, "setup.py": b"print()"})
        yield f"tfhub://{server.url}/google/small/1"


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[kaggle_server.Hub]:
    """Kaggle, with a variation and one of too long a name."""
    with kaggle_server.serve() as server:
        framework = "MODEL_FRAMEWORK_TENSOR_FLOW_2"
        variations = [kaggle_server.Variation(framework, slug, {1: SAVED}) for slug in ("tiny", "v" * 60)]
        server.models = [kaggle_server.Model("google/small" + "-er" * 15, variations)]
        for name in kaggle_server.OFF:
            monkeypatch.delenv(name, raising=False)
        for name, value in kaggle_server.environment(server, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield server


def check_stored_only(zoo_command: Zoo, name: str) -> None:
    assert content(name) == SAVED
    assert zoo_command("show", name, "--json")["card"]["format"] == "saved_model"
    refused(zoo_command, "transfer", name, "--reuse", "x", "--data", "x.npz", leaves=(name,))
    assert zoo_command("verify", name, "--json")["ok"]


def test_a_module_of_tf_hub_is_stored_as_it_is(zoo_command: Zoo, tfhub: str) -> None:
    document = zoo_command("pull", tfhub, "--json")
    assert (document["name"], document["format"], document["layers"]) == ("small-1", "saved_model", 0)
    check_stored_only(zoo_command, "small-1")
    assert zoo_command("pull", tfhub, "--json")["known"]


def test_a_model_of_kaggle_is_stored_as_it_is(zoo_command: Zoo, kaggle: kaggle_server.Hub) -> None:
    place = f"kaggle://{kaggle.models[0].ref}/tensorFlow2"
    document = zoo_command("pull", f"{place}/tiny", "--as", "small", "--json")
    assert document["ref"] == f"{place}/tiny@1"
    check_stored_only(zoo_command, "small")
    assert zoo_command("pull", f"{place}/tiny", "--json")["known"]


def test_a_model_whose_own_name_is_too_long(zoo_command: Zoo, kaggle: kaggle_server.Hub) -> None:
    name = zoo_command("pull", f"kaggle://{kaggle.models[0].ref}/tensorFlow2/{'v' * 60}", "--json")["name"]
    assert len(name) == 96 and local(zoo_command) == [name]


def test_a_model_whose_own_name_is_not_allowed(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    hub.rename("org/name", "org/na--me")
    said = refused(zoo_command, "pull", "hf://org/name")
    assert "'hf://org/na--me' is no model name: 'na--me' holds '--'" in said


# Parts of models, folders and files


def test_one_file_of_a_model(zoo_command: Zoo, hub: HubServer, keras_file: bytes) -> None:
    commit = hub.add("org/name", {**FILES, "sub/model.keras": keras_file})
    document = zoo_command("pull", "hf://org/name/sub/model.keras", "--json")
    assert (document["ref"], document["files"]) == (f"hf://org/name@{commit}/sub/model.keras", ["sub/model.keras"])
    assert (document["name"], document["layers"]) == ("name", 5)
    assert "README.origin.md" not in content("name")
    assert "is taken" in refused(zoo_command, "pull", "hf://org/name", leaves=("name",))


def test_some_files_of_a_model(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    document = zoo_command("pull", "hf://org/name", "--include", "*.onnx", "--include", "README.md", "--json")
    assert document["files"] == ["README.md", "model.onnx"]
    assert document["left"] == {"labels.txt": "fits no pattern that was asked for"}
    whole = zoo_command("pull", "hf://org/name", "--json")  # more is asked for now, so it is not known
    assert not whole["known"] and content("name") == FILES
    assert zoo_command("pull", "hf://org/name", "--include", "*.onnx", "--json")["known"]


@pytest.mark.parametrize("text", ["file:./dir", "./dir", "{}/dir", "./dir/"])
def test_a_folder(
    zoo_command: Zoo, tmp_path: Path, keras_file: bytes, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "model.keras").write_bytes(keras_file)
    document = zoo_command("pull", text.format(tmp_path), "--json")
    assert (document["name"], document["ref"], document["layers"]) == ("dir", f"file:{tmp_path}/dir", 5)
    card = zoo_command("show", "dir", "--json")["card"]
    assert card["lineage"]["parent"] == "dir"  # where it lay is nobody's business
    assert str(tmp_path).encode() not in content("dir")["README.md"]


def test_a_folder_with_an_odd_name(zoo_command: Zoo, tmp_path: Path) -> None:
    (tmp_path / "my net (final)").mkdir()
    (tmp_path / "my net (final)" / "net.onnx").write_bytes(b"net")
    assert zoo_command("pull", tmp_path / "my net (final)", "--json")["name"] == "my-net-final"


def test_a_file_that_changed_is_pulled_anew(zoo_command: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content_now in (b"first", b"other", b"other"):
        Path("net.onnx").write_bytes(content_now)
        assert not zoo_command("pull", "./net.onnx", "--json")["known"]
        assert content("net") == {"net.onnx": content_now}
    from registry.shelf import Shelf

    assert len(Shelf().local.catalogue.history("net")) == 2


def test_a_published_folder(zoo_command: Zoo, tmp_path: Path, at_home: Homes) -> None:
    for number, data in enumerate((b"first", b"other")):
        (tmp_path / "net.onnx").write_bytes(data)
        zoo_command("pull", tmp_path / "net.onnx")
        revision = zoo_command("publish", "net", "--to", f"file:{tmp_path}/place/net", "--json")["revision"]
        at_home("elsewhere")
        document = zoo_command("pull", f"file:{tmp_path}/place/net", "--json")
        assert (document["revision"], document["ref"]) == (revision, f"file:{tmp_path}/place/net@{revision}")
        assert zoo_command("pull", f"file:{tmp_path}/place/net", "--json")["known"]
        assert len(list((tmp_path / "place" / "net").iterdir())) == number + 2
        at_home("home")


# What can run code


def test_pickles_are_left_out_with_the_reason(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", PICKLED)
    document = zoo_command("pull", "hf://org/name", "--json")
    assert document["files"] == ["model.onnx"]
    assert document["left"] == {
        "weights.pkl": "can run code as it is read (pickle)", "convert.py": "is a program",
    }  # fmt: skip
    assert downloads(hub) == [f"/org/name/resolve/{document['ref'].partition('@')[2]}/model.onnx"]


def test_only_pickles(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", {"pytorch_model.bin": b"pickle", "convert.py": b"print()"})
    said = refused(zoo_command, "pull", "hf://org/name")
    assert "the model has no weights that may be taken: " in said
    assert "hint: if you trust who made pytorch_model.bin: --allow-unsafe\n" in said
    document = zoo_command("pull", "hf://org/name", "--allow-unsafe", "--json")
    assert (document["format"], document["layers"], document["files"]) == ("pytorch", 0, ["pytorch_model.bin"])
    assert document["left"] == {"convert.py": "is a program"}
    hub.add("org/scripts", {"convert.py": b"print()", "run.sh": b"ls"})
    said = refused(zoo_command, "pull", "hf://org/scripts", "--allow-unsafe", leaves=("name",))
    assert "convert.py is a program; run.sh is a program" in said


# Connections


def test_a_wrong_hash(zoo_command: Zoo, hub: HubServer, zoo_home: Path) -> None:
    hub.add("org/name", FILES)
    hub.corrupt = "model.onnx"
    said = refused(zoo_command, "pull", "hf://org/name")
    got = hashlib.sha256(bytes(255 - byte for byte in LARGE)).hexdigest()
    assert said == (
        f"error: model.onnx is not what its source announced: expected sha256 {MODEL.sha256}, got {got}; "
        "it was deleted\n"
        "hint: try again: what was right is kept\n"
    )
    left = [path.name for path in (zoo_home / "downloads").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert sorted(left) == ["README.md", "labels.txt"]
    hub.corrupt = ""
    hub.requests.clear()
    zoo_command("pull", "hf://org/name")
    assert [path.rpartition("/")[2] for path in downloads(hub)] == ["model.onnx"]
    assert content("name") == FILES


def test_a_broken_connection(zoo_command: Zoo, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_download, "PAUSES", ())
    hub.add("org/name", {"model.onnx": LARGE})
    hub.drop_after = 150_000
    said = refused(zoo_command, "pull", "hf://org/name")
    assert said.startswith(f"error: {hub.url} cannot be reached: ")
    hub.requests.clear()
    zoo_command("pull", "hf://org/name")
    assert ranges(hub) == ["bytes=150000-"]
    assert content("name") == {"model.onnx": LARGE}


@pytest.fixture
def stall(hub: HubServer) -> Iterator[threading.Event]:
    """Have the hub send half of each large file and then wait, until the event is set."""
    go_on = threading.Event()
    plain = hub._server.RequestHandlerClass

    class Stalling(plain):  # type: ignore[misc, valid-type]
        def send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
            if len(content) < len(LARGE) or go_on.is_set():
                super().send(content, status, headers)
                return
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = go_on.wait(60)

    hub._server.RequestHandlerClass = Stalling
    yield go_on
    go_on.set()


def test_killed_in_the_middle_of_a_download(
    zoo_command: Zoo, hub: HubServer, stall: threading.Event, zoo_home: Path
) -> None:
    hub.add("org/name", {"model.onnx": LARGE})
    process = subprocess.Popen([sys.executable, "-m", "zoo", "pull", "hf://org/name"])
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size >= 65_536 for path in zoo_home.glob("downloads/*/.partial/model.onnx")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stall.set()
    assert local(zoo_command) == []
    assert zoo_command("verify", "--json")["ok"]
    hub.requests.clear()
    zoo_command("pull", "hf://org/name")
    (wanted,) = ranges(hub)
    assert 65_536 <= int(wanted.removeprefix("bytes=").removesuffix("-")) <= len(LARGE) // 2
    assert content("name") == {"model.onnx": LARGE}
    assert [path for path in (zoo_home / "downloads").iterdir() if path.is_dir()] == []


def test_private_and_gated(zoo_command: Zoo, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/secret", FILES, private=True)
    hub.add("org/gated", FILES, gated=True)
    assert refused(zoo_command, "pull", "hf://org/secret") == (
        f"error: {hub.url} has no model org/secret, or it is private\nhint: check the name, or hf auth login\n"
    )
    assert refused(zoo_command, "pull", "hf://org/gated") == (
        "error: org/gated is gated: Access to model org/gated is restricted. "
        "You must have access to it and be authenticated to access it.\n"
        f"hint: ask for access at {hub.url}/org/gated, then hf auth login\n"
    )
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    zoo_command("pull", "hf://org/secret")
    zoo_command("pull", "hf://org/gated")
    assert local(zoo_command) == ["gated", "secret"]


def test_offline(zoo_command: Zoo, hub: HubServer) -> None:
    hub.add("org/name", FILES)
    zoo_command("pull", "hf://org/name")
    assert "name " in run("list", HF_HUB_OFFLINE="1").stdout
    assert "pulled from:" in run("show", "name", HF_HUB_OFFLINE="1").stdout
    done = run("pull", "hf://org/other", HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: looking up hf://org/other needs the network, and Hugging Face is set offline (HF_HUB_OFFLINE)\n"
        "hint: unset HF_HUB_OFFLINE; what zoo list shows works offline\n"
    )


# What changes nothing, and where nothing can be changed


def test_a_dry_run_changes_nothing(zoo_command: Zoo, hub: HubServer, zoo_home: Path) -> None:
    commit = hub.add("org/name", PICKLED)
    page = zoo_command("pull", "hf://org/name", "--dry-run")
    assert page.endswith(f"would pull hf://org/name@{commit} as name (--dry-run)\n")
    assert not zoo_home.exists()
    zoo_command("pull", "hf://org/name")
    hub.add("org/name", {"model.onnx": LARGE[:-1]})
    before = tree(zoo_home)
    document = zoo_command("pull", "hf://org/name", "--tag", "v1", "--dry-run", "--json")
    assert (document["revision"], document["bytes"]) == (None, len(LARGE) - 1)
    assert tree(zoo_home) == before
    assert downloads(hub) == [f"/org/name/resolve/{commit}/model.onnx"]


@pytest.mark.parametrize("place", ["", "downloads", "blobs", "work"])
def test_a_file_in_place_of_a_folder(zoo_command: Zoo, hub: HubServer, zoo_home: Path, place: str) -> None:
    hub.add("org/name", FILES)
    blocked = zoo_home / place
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    said = refused(zoo_command, "pull", "hf://org/name")
    assert str(blocked) in said
    blocked.unlink()
    zoo_command("pull", "hf://org/name")
    assert zoo_command("verify", "--json")["ok"]


def limited(limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `zoo` where no file can become larger than some bytes."""
    return subprocess.run(
        [sys.executable, "-m", "zoo", *words], capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip


@pytest.mark.parametrize("limit", [1000, 250_000])
def test_no_space(zoo_command: Zoo, hub: HubServer, zoo_home: Path, limit: int) -> None:
    hub.add("org/name", {"model.onnx": LARGE})
    done = limited(limit, "pull", "hf://org/name")
    assert (done.returncode, done.stdout) == (1, "")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 2
    assert local(zoo_command) == []
    assert zoo_command("verify", "--json")["ok"]
    zoo_command("pull", "hf://org/name")
    assert content("name") == {"model.onnx": LARGE}


def test_no_space_for_the_model_that_an_import_makes(zoo_command: Zoo, hub: HubServer, tmp_path: Path) -> None:
    """What cannot be written is no reason to keep the files as they came."""
    weights = {"w": onnx_models.random(270, 270)}
    node = onnx_models.node("MatMul", "x w", "y", "dense")
    path = onnx_models.saved(tmp_path, [node], {"x": ["n", 270]}, weights=weights)
    hub.add("org/name", {"model.onnx": path.read_bytes()})
    done = limited(path.stat().st_size + 1000, "pull", "hf://org/name")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: cannot write to the temporary folder ")
    assert "hint: free some space, or set TMPDIR to another folder" in done.stderr
    assert local(zoo_command) == []
    assert zoo_command("pull", "hf://org/name", "--json")["format"] == "keras"


def test_no_space_for_what_is_imported(zoo_command: Zoo, tmp_path: Path, keras_file: bytes) -> None:
    (tmp_path / "whole.keras").write_bytes(keras_file)
    with (
        zipfile.ZipFile(tmp_path / "whole.keras") as whole,
        zipfile.ZipFile(tmp_path / "small.keras", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for name in whole.namelist():
            small.writestr(name, whole.read(name))
    limit = (tmp_path / "small.keras").stat().st_size + 1000
    assert limit < len(keras_file)
    done = limited(limit, "pull", str(tmp_path / "small.keras"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: small.keras of ") and "cannot write to the temporary folder " in done.stderr
    assert "hint: free some space, or set TMPDIR to another folder; zoo pull " in done.stderr
    assert local(zoo_command) == []
