from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kaggle_server import OFF, Hub, Model, Variation, environment, serve

from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.kaggle.source import Kaggle
from registry.sources.remote import Found, Listing, Remote, RemoteFile, Searchable
from registry.sources.table import remote
from registry.watch import silent

TF2 = "MODEL_FRAMEWORK_TENSOR_FLOW_2"
NAME = "google/mobilenet-v2/tensorFlow2/035-96-feature-vector"
OLD = {"saved_model.pb": b"old"}
NEW = {
    "saved_model.pb": np.random.default_rng(1).bytes(70_000),
    "variables/variables.data-00000-of-00001": np.random.default_rng(2).bytes(500_000),
    "variables/variables.index": b"index",
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    vector = Variation(TF2, "035-96-feature-vector", {1: OLD, 2: NEW})
    lite = Variation("MODEL_FRAMEWORK_TF_LITE", "035-96", {1: {"1.tflite": b"lite"}}, license="MIT")
    tags = ["task > computer vision > image classification", "architecture > cnn"]
    with serve() as running:
        running.models = [
            Model("google/mobilenet-v2", [vector, lite], "small nets", tags),
            Model("keras/mobilenet", [Variation("MODEL_FRAMEWORK_KERAS", "base", {3: {"m.keras": b"keras"}})]),
            Model("google/yamnet", [Variation(TF2, "yamnet", {1: OLD})]),
            Model("google/gemma", [Variation("MODEL_FRAMEWORK_PY_TORCH", "2b", {1: OLD}, "Gemma")], private=True),
        ]
        for name in OFF:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment(running, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def resolve(text: str) -> Listing:
    return Kaggle().resolve(Ref.parse(f"kaggle://{text}"))


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_is_a_source() -> None:
    source: Remote = Kaggle()
    assert type(remote("kaggle")) is type(source)
    assert isinstance(source, Searchable)


def test_the_newest_version(hub: Hub, into: Path, capfd: pytest.CaptureFixture[str]) -> None:
    listing = resolve(NAME)
    assert listing == Listing(
        Ref(NAME, "2", "kaggle"),
        "mobilenet-v2-035-96-feature-vector",
        tuple(RemoteFile(name, len(NEW[name])) for name in sorted(NEW)),
        task="image-classification",
        license="apache-2.0",
        summary="small nets",
        tags=("image classification", "cnn"),
    )
    seen: list[tuple[str, int, int, str]] = []
    Kaggle().fetch(listing, listing.files, into, lambda *step: seen.append(step))
    assert content_of(into) == NEW
    total = sum(map(len, NEW.values()))
    assert seen[-1] == ("download", total, total, "variables/variables.index")
    assert [step[1] for step in seen] == sorted(step[1] for step in seen)
    assert capfd.readouterr() == ("", "")  # neither progress bars nor words of the client


def test_a_version_by_its_number(hub: Hub, into: Path) -> None:
    listing = resolve(f"{NAME}@1")
    assert listing.ref == Ref(NAME, "1", "kaggle")
    Kaggle().fetch(listing, listing.files, into, silent)
    assert content_of(into) == OLD


def test_a_single_file(hub: Hub, into: Path) -> None:
    listing = resolve(f"{NAME}@2/variables/variables.index")
    assert listing.ref.file == "variables/variables.index"
    Kaggle().fetch(listing, [file for file in listing.files if file.path == listing.ref.file], into, silent)
    assert content_of(into) == {"variables/variables.index": b"index"}


def test_many_files(hub: Hub, into: Path) -> None:
    many = {f"part {number:03}.bin": b"%d" % number for number in range(120)}
    hub.models[0].variations[0].versions[3] = many
    listing = resolve(NAME)
    assert [file.path for file in listing.files] == sorted(many)
    Kaggle().fetch(listing, listing.files[:60], into, silent)
    assert content_of(into) == dict(sorted(many.items())[:60])


DATA = "variables/variables.data-00000-of-00001"


def cut(hub: Hub, into: Path, after: int = 300_000) -> Listing:
    """Resolve, and break the download of the largest file off."""
    listing = resolve(NAME)
    hub.drop_after = after
    with pytest.raises(ZooError) as caught:
        Kaggle().fetch(listing, listing.files, into, silent)
    assert caught.value.message.startswith(f"the connection to Kaggle for kaggle://{NAME}@2 broke: ")
    assert caught.value.hint == "run it again: it goes on where it ended"
    part = into / f"{DATA}.part"
    assert sorted(content_of(into)) == ["saved_model.pb", f"{DATA}.part"]
    assert 0 < part.stat().st_size <= after
    assert NEW[DATA].startswith(part.read_bytes())
    hub.asked.clear()
    return listing


def ranges(hub: Hub) -> list[str]:
    return [asked[2] for asked in hub.asked if asked[0] == "GET"]


def test_a_broken_download_goes_on(hub: Hub, into: Path) -> None:
    listing = cut(hub, into)
    start = (into / f"{DATA}.part").stat().st_size
    Kaggle().fetch(listing, listing.files, into, silent)
    assert content_of(into) == NEW
    assert ranges(hub) == ["", f"bytes={start}-", ""]  # two files; the first was there
    hub.asked.clear()
    Kaggle().fetch(listing, listing.files, into, silent)
    assert hub.asked == []


def test_a_download_starts_anew_where_ranges_are_not_understood(hub: Hub, into: Path) -> None:
    listing = cut(hub, into)
    hub.ranges = False
    Kaggle().fetch(listing, listing.files, into, silent)
    assert content_of(into) == NEW


@pytest.mark.parametrize("left", [NEW[DATA], NEW[DATA] + b"more"])
def test_a_part_that_is_whole_or_too_long(hub: Hub, into: Path, left: bytes) -> None:
    listing = cut(hub, into)
    (into / f"{DATA}.part").write_bytes(left)
    Kaggle().fetch(listing, listing.files, into, silent)
    assert content_of(into) == NEW


def test_a_wrong_hash(hub: Hub, into: Path) -> None:
    listing = resolve(f"{NAME}@1")
    hub.spoiled = True
    with pytest.raises(ZooError) as caught:
        Kaggle().fetch(listing, listing.files, into, silent)
    assert caught.value.message == (
        "saved_model.pb came damaged and was deleted: "
        "expected the md5 FJYD5sA1FjYqjaI/Yk25RQ==, got aT6a+E09/MceZA4AW9xeLg=="
    )
    assert caught.value.hint == "download it again"
    assert content_of(into) == {}


def test_a_file_that_is_sent_zipped(hub: Hub, into: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("saved_model.pb", b"old")
    hub.zipped["saved_model.pb"] = buffer.getvalue()
    listing = resolve(f"{NAME}@1")
    Kaggle().fetch(listing, listing.files, into, silent)
    assert [path.name for path in into.iterdir()] == ["saved_model.pb"]
    assert content_of(into) == OLD


SETTINGS = "https://www.kaggle.com/settings"
UNKNOWN = {
    "google/none/keras/x": ("Kaggle has no kaggle://google/none/keras/x: HTTP 404 Model not found", "zoo search WORDS"),
    "google/yamnet/keras/yamnet": ("HTTP 404 Instance not found", "zoo search WORDS --in kaggle"),
    f"{NAME}@3": (f"kaggle://{NAME} has no version 3", f"the newest is kaggle://{NAME}@2"),
    f"{NAME}@v2": (
        f"'kaggle://{NAME}@v2': expected a version's number behind the @, got 'v2'",
        f"kaggle://{NAME}@1, or without @ for the newest",
    ),
    f"{NAME}@0": ("expected a version's number behind the @, got '0'", "without @ for the newest"),
    "google/yamnet/tensorflow3/yamnet": ("Kaggle has no framework 'tensorflow3'", "did you mean tensorFlow"),
    "google/gemma/pyTorch/2b": (
        "Kaggle refuses kaggle://google/gemma/pyTorch/2b, or does not have it: "
        "HTTP 403 Permission 'models.get' was denied",
        f"accept its licence at https://www.kaggle.com/models/google/gemma and set KAGGLE_API_TOKEN ({SETTINGS})",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), UNKNOWN.items(), ids=UNKNOWN)
def test_unknown_and_refused(hub: Hub, text: str, expected: tuple[str, str]) -> None:
    with pytest.raises(ZooError) as caught:
        resolve(text)
    assert expected[0] in caught.value.message
    assert expected[1] in caught.value.hint


def test_a_version_that_was_deleted(hub: Hub) -> None:
    del hub.models[0].variations[0].versions[1]
    with pytest.raises(ZooError, match=f"Kaggle has no kaggle://{NAME}@1: HTTP 404 Version not found"):
        resolve(f"{NAME}@1")


def test_credentials(hub: Hub, into: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "secret")
    listing = resolve("google/gemma/pyTorch/2b")
    assert listing.license == "gemma"
    Kaggle().fetch(listing, listing.files, into, silent)
    assert content_of(into) == OLD
    assert capfd.readouterr() == ("", "")  # the client prints that a newer one is out
    monkeypatch.setenv("KAGGLE_API_TOKEN", "wrong")
    with pytest.raises(ZooError, match="Kaggle does not accept your credentials: HTTP 401 Unauthenticated") as caught:
        resolve("google/gemma/pyTorch/2b")
    assert caught.value.hint == f"make new ones: {SETTINGS}"


def test_a_bad_credentials_file_and_environment(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kaggle.json").write_text("{")
    with pytest.raises(ZooError, match=r"Kaggle's client cannot be used: Invalid Kaggle credentials file at .*"):
        resolve(NAME)
    (tmp_path / "kaggle.json").unlink()
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "MOON")
    with pytest.raises(ZooError, match=r"Kaggle's client cannot be used: Unrecognized value .* \"MOON\""):
        resolve(NAME)


ANSWERS = {
    "failing": ((500, b"oops"), "Kaggle fails at kaggle://{}: HTTP 500 Internal Server Error"),
    "busy": ((429, b'{"code": 429, "message": "Too many"}'), "Kaggle fails at kaggle://{}: HTTP 429 Too many"),
    "its own code": ((200, b'{"code": 404, "message": "Gone"}'), "Kaggle has no kaggle://{}: HTTP 404 Gone"),
    "page": ((200, b"<html>"), "Kaggle's answer for kaggle://{} cannot be read: "),
    "list": ((200, b"[]"), "Kaggle's answer for kaggle://{} cannot be read: ValueError('it has no versions')"),
    "framework": ((200, b'{"framework": "NEW"}'), "Kaggle's answer for kaggle://{} cannot be read: KeyError('NEW')"),
}


@pytest.mark.parametrize(("answer", "message"), ANSWERS.values(), ids=ANSWERS)
def test_answers_of_other_kinds(hub: Hub, answer: tuple[int, bytes], message: str) -> None:
    hub.answers["GetModelInstance"] = answer
    with pytest.raises(ZooError) as caught:
        resolve(NAME)
    assert caught.value.message.startswith(message.replace("{}", NAME))
    assert caught.value.hint


def test_paths_that_leave_the_folder(hub: Hub) -> None:
    hub.models[0].variations[0].versions[2] = {"../../x": b""}
    with pytest.raises(ZooError, match=r"cannot be read: ValueError\(.*'\.\./\.\./x' leaves the model's folder"):
        resolve(NAME)


def test_a_server_that_is_not_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    with pytest.raises(ZooError) as caught:
        resolve(NAME)
    assert caught.value.message == (
        f"the connection to Kaggle for kaggle://{NAME} broke: [Errno 111] Connection refused"
    )
    assert caught.value.hint == "is the network up?"


def test_a_folder_that_cannot_be_written(hub: Hub, into: Path) -> None:
    listing = resolve(f"{NAME}@1")
    (into / "saved_model.pb.part").mkdir()
    with pytest.raises(ZooError, match=f"cannot write to {into}: Is a directory") as caught:
        Kaggle().fetch(listing, listing.files, into, silent)
    assert caught.value.hint == "is the disk full, or read-only?"


VECTOR = Found(
    f"kaggle://{NAME}", "2", "kaggle", "image-classification", bytes=570_005, tags=("image classification", "cnn"),
    updated="2025-03-04", license="apache-2.0",
)  # fmt: skip
LITE = "kaggle://google/mobilenet-v2/tfLite/035-96"
KERAS = "kaggle://keras/mobilenet/keras/base"


@pytest.mark.parametrize("bare", [False, True])
def test_search(hub: Hub, bare: bool) -> None:
    hub.bare = bare
    found = Kaggle().search("mobilenet", 20)
    assert found[0] == VECTOR
    assert [(item.name, item.revision, item.license) for item in found[1:]] == [
        (LITE, "1", "mit"),
        (KERAS, "3", "apache-2.0"),
    ]
    for item in found:
        assert resolve(item.name.removeprefix("kaggle://")).ref.revision == item.revision


def test_a_search_with_a_limit_shows_every_model_first(hub: Hub) -> None:
    assert [item.name for item in Kaggle().search("mobilenet", 2)] == [VECTOR.name, KERAS]
    assert [item.name for item in Kaggle().search("mobilenet", 1)] == [VECTOR.name]
    assert Kaggle().search("nothing of the kind", 5) == []
    assert len(Kaggle().search("", 10)) == 4


def test_a_search_over_pages(hub: Hub) -> None:
    hub.models = [Model(f"a/m{number}", [Variation(TF2, "v", {1: OLD})]) for number in range(130)]
    assert [item.name for item in Kaggle().search("m", 120)] == [f"kaggle://a/m{n}/tensorFlow2/v" for n in range(120)]
    tokens = [json.loads(body).get("pageToken") for _, name, body in hub.asked if name == "ListModels"]
    assert tokens == [None, "50", "100"]


def test_without_the_extra() -> None:
    code = """
import sys

class Missing:
    def find_spec(self, name, *_):
        if name == "kagglehub":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from registry.errors import ZooError
from registry.sources.kaggle.source import Kaggle
from registry.ref import Ref
for work in (lambda: Kaggle().resolve(Ref.parse("kaggle://a/b/keras/c")), lambda: Kaggle().search("x", 1)):
    try:
        work()
    except ZooError as error:
        print(error.message, "|", error.hint)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, timeout=60)
    assert (
        run.stdout.splitlines()
        == ["this needs the Python package 'kagglehub', which is not installed | pip install 'zoo[kaggle]'"] * 2
    ), run.stderr
