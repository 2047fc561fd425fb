from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tfhub_server import Hub, serve

from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.remote import Listing, Remote, RemoteFile
from registry.sources.table import remote
from registry.sources.tfhub.handle import slug
from registry.sources.tfhub.source import TFHub
from registry.unpack import unpack
from registry.watch import silent

PATH = "/google/imagenet/mobilenet_v2_100_96/feature_vector/5"
NAME = "mobilenet_v2_100_96-feature_vector-5"
TREE = {
    "saved_model.pb": np.random.default_rng(1).bytes(70_000),
    "variables/variables.data-00000-of-00001": np.random.default_rng(2).bytes(600_000),
    "variables/variables.index": b"index",
}


def packed(tree: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in tree.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = packed(TREE)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what other programs cached out of the tests."""
    for name in ("TFHUB_MODEL_LOAD_FORMAT", "STORAGE_EMULATOR_HOST", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as running:
        running.archives[PATH] = ARCHIVE
        running.folders[PATH] = "gs://tfhub-modules/google/mobilenet/5/uncompressed"
        root = "tfhub-modules/google/mobilenet/5/uncompressed/"
        running.objects = {root + name: content for name, content in TREE.items()} | {root: b"", "other/x": b"x"}
        yield running


@pytest.fixture
def uncompressed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("TFHUB_MODEL_LOAD_FORMAT", "UNCOMPRESSED")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", hub.url)
    return hub


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def ref(hub: Hub, path: str = PATH) -> Ref:
    return Ref.parse(f"tfhub://{hub.url}{path}")


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_is_a_source() -> None:
    source: Remote = TFHub()
    assert type(remote("tfhub")) is type(source)


def test_a_compressed_module(hub: Hub, into: Path) -> None:
    listing = TFHub().resolve(ref(hub))
    digest = f"md5:{hashlib.md5(ARCHIVE).hexdigest()}"
    assert listing == Listing(ref(hub), NAME, (RemoteFile(f"{NAME}.tar.gz", len(ARCHIVE), digest, archive=True),))
    seen: list[tuple[str, int, int, str]] = []
    TFHub().fetch(listing, listing.files, into, lambda *step: seen.append(step))
    assert content_of(into) == {f"{NAME}.tar.gz": ARCHIVE}
    assert unpack(into / f"{NAME}.tar.gz", into / "module") == sorted(TREE)
    assert content_of(into / "module") == TREE
    assert seen[-1] == ("download", len(ARCHIVE), len(ARCHIVE), f"{NAME}.tar.gz")
    assert [done for _, done, _, _ in seen] == sorted(done for _, done, _, _ in seen)


def test_an_uncompressed_module(uncompressed: Hub, into: Path) -> None:
    listing = TFHub().resolve(ref(uncompressed))
    assert listing.files == tuple(
        RemoteFile(name, len(TREE[name]), f"md5:{hashlib.md5(TREE[name]).hexdigest()}") for name in sorted(TREE)
    )
    seen: list[tuple[str, int, int, str]] = []
    TFHub().fetch(listing, listing.files, into, lambda *step: seen.append(step))
    assert content_of(into) == TREE
    total = sum(map(len, TREE.values()))
    assert seen[-1] == ("download", total, total, "variables/variables.index")
    assert {step[2] for step in seen} == {total}


def test_some_of_the_files(uncompressed: Hub, into: Path) -> None:
    listing = TFHub().resolve(ref(uncompressed))
    TFHub().fetch(listing, listing.files[:1], into, silent)
    assert content_of(into) == {"saved_model.pb": TREE["saved_model.pb"]}


def cut(hub: Hub, into: Path, after: int) -> Listing:
    """Resolve, and break the download off after some bytes."""
    listing = TFHub().resolve(ref(hub))
    hub.drop_after = after
    with pytest.raises(ZooError) as caught:
        TFHub().fetch(listing, listing.files, into, silent)
    assert caught.value.message == (
        f"the connection for {hub.url}{PATH} broke: it ended after {after} of {len(ARCHIVE)} bytes"
    )
    assert caught.value.hint == "run it again: it goes on where it ended"
    assert not (into / f"{NAME}.tar.gz").exists()
    hub.asked.clear()
    return listing


def test_a_broken_download_goes_on(hub: Hub, into: Path) -> None:
    listing = cut(hub, into, 300_000)
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == {f"{NAME}.tar.gz": ARCHIVE}
    assert hub.asked[-1] == (f"/files{PATH}", "bytes=300000-")
    hub.asked.clear()
    TFHub().fetch(listing, listing.files, into, silent)
    assert hub.asked == []  # it is there


def test_a_broken_download_of_many_files_goes_on(uncompressed: Hub, into: Path) -> None:
    listing = TFHub().resolve(ref(uncompressed))
    uncompressed.drop_after = 50_000
    with pytest.raises(ZooError, match="it ended after 50000 of 70000 bytes"):
        TFHub().fetch(listing, listing.files, into, silent)
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == TREE
    assert [range_ for path, range_ in uncompressed.asked if range_] == ["bytes=50000-"]


def test_a_download_starts_anew_where_the_bytes_changed(hub: Hub, into: Path) -> None:
    listing = cut(hub, into, 300_000)
    hub.archives[PATH] = packed({"saved_model.pb": b"new"})
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == {f"{NAME}.tar.gz": hub.archives[PATH]}


def test_a_download_starts_anew_where_ranges_are_not_understood(hub: Hub, into: Path) -> None:
    listing = cut(hub, into, 300_000)
    hub.ranges = False
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == {f"{NAME}.tar.gz": ARCHIVE}


def test_a_complete_part_that_was_not_renamed(hub: Hub, into: Path) -> None:
    listing = cut(hub, into, 300_000)
    (into / f"{NAME}.tar.gz.part").write_bytes(ARCHIVE)
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == {f"{NAME}.tar.gz": ARCHIVE}


def test_a_server_that_sends_other_bytes_than_asked_for(hub: Hub, into: Path) -> None:
    listing = cut(hub, into, 300_000)
    hub.pages[f"/files{PATH}"] = (206, {"Content-Range": "bytes 0-3/9"}, b"oops")
    with pytest.raises(ZooError, match="asked for bytes from 300000, got bytes 0-3/9"):
        TFHub().fetch(listing, listing.files, into, silent)
    hub.pages.clear()
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == {f"{NAME}.tar.gz": ARCHIVE}


def cached(root: Path, handle: str) -> Path:
    """Lay a module out as `tensorflow_hub.resolver.atomic_download` does."""
    folder = root / hashlib.sha1(handle.encode()).hexdigest()
    for name, content in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.with_name(f"{folder.name}.descriptor.txt").write_text(f"Module: {handle}\nDownload Time: 2024-01-01")
    return folder


def test_the_cache_of_tensorflow_hub(cache: Path, into: Path) -> None:
    handle = "https://tfhub.dev/google/nnlm-en-dim50/2"
    folder = cached(cache, handle)
    (folder / "link").symlink_to("/etc/passwd")
    listing = TFHub().resolve(Ref.parse(f"tfhub://{handle}"))
    assert listing.name == "nnlm-en-dim50-2"
    assert listing.files == tuple(RemoteFile(name, len(TREE[name])) for name in sorted(TREE))
    TFHub().fetch(listing, listing.files, into, silent)
    assert content_of(into) == TREE


def test_an_empty_cache_folder_is_none(hub: Hub, cache: Path) -> None:
    (cache / hashlib.sha1(f"{hub.url}{PATH}".encode()).hexdigest()).mkdir(parents=True)
    assert TFHub().resolve(ref(hub)).files[0].archive


def test_the_default_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFHUB_CACHE_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    handle = "https://tfhub.dev/google/spice/2"
    cached(tmp_path / "tfhub_modules", handle)
    assert [file.path for file in TFHub().resolve(Ref.parse(f"tfhub://{handle}")).files] == sorted(TREE)


MOVED = "most of tfhub.dev has moved to Kaggle: zoo search WORDS --in kaggle"
FAULTS = {
    "unknown": ((404, {}, b""), "there is no {}: HTTP 404 Not Found", MOVED),
    "refused": (
        (403, {}, b""),
        "the server refuses {}: HTTP 403 Forbidden",
        "download it by other means, then zoo pull file:./FOLDER",
    ),
    "failing": ((503, {}, b""), "the server fails at {}: HTTP 503 Service Unavailable", "try again later"),
    "a page": (
        (200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>TensorFlow Hub has moved"),
        "{} is no TF Hub module: expected a tar file, got a web page from {}?tf-hub-format=compressed",
        MOVED,
    ),
    "other": (
        (200, {"Content-Type": "application/json"}, b'{"error": 1}'),
        "{} is no TF Hub module: expected a tar file, got application/json from {}?tf-hub-format=compressed",
        MOVED,
    ),
    "circle": (
        (302, {"Location": "/fault"}, b""),
        "{} leads nowhere: HTTP 302 The HTTP server returned a redirect error that would lead to an infinite loop.",
        MOVED,
    ),
    "local file": (
        (302, {"Location": "file:///etc/passwd"}, b""),
        "{} leads nowhere: HTTP 302 Found - Redirection to url 'file:///etc/passwd' is not allowed",
        MOVED,
    ),
    "ftp": (
        (302, {"Location": "ftp://127.0.0.1/x"}, b""),
        "the connection for {} broke: unknown url type: ftp",
        "is the network up, and the address right?",
    ),
}


@pytest.mark.parametrize(("answer", "message", "hint"), FAULTS.values(), ids=FAULTS)
def test_faults(hub: Hub, answer: tuple[int, dict[str, str], bytes], message: str, hint: str) -> None:
    hub.pages["/fault"] = answer
    with pytest.raises(ZooError) as caught:
        TFHub().resolve(ref(hub, "/fault"))
    assert caught.value.message == message.replace("{}", f"{hub.url}/fault")
    assert caught.value.hint == hint


FOLDERS = ["file:///etc", "/etc", "gs://", "gs://bucket", "gs://../etc/passwd", "memory://a/b", "https://host/x", ""]


@pytest.mark.parametrize("place", FOLDERS)
def test_only_a_bucket_is_followed(uncompressed: Hub, place: str) -> None:
    uncompressed.folders[PATH] = place
    with pytest.raises(ZooError) as caught:
        TFHub().resolve(ref(uncompressed))
    assert caught.value.message == (
        f"{uncompressed.url}{PATH} cannot be had uncompressed: "
        f"expected a 303 that names a gs:// folder, got {place or 'nothing'}"
    )
    assert caught.value.hint == "unset TFHUB_MODEL_LOAD_FORMAT"


def test_a_bucket_in_the_location_and_other_answers(uncompressed: Hub) -> None:
    uncompressed.pages["/a"] = (303, {"Location": uncompressed.folders[PATH]}, b"")
    assert len(TFHub().resolve(ref(uncompressed, "/a")).files) == 3
    uncompressed.pages["/b"] = (200, {}, uncompressed.folders[PATH].encode())
    uncompressed.pages["/c"] = (302, {"Location": "file:///etc"}, b"")
    for path, got in {"/b": "HTTP 200", "/c": "file:///etc"}.items():
        with pytest.raises(ZooError, match=f"names a gs:// folder, got {got}"):
            TFHub().resolve(ref(uncompressed, path))
    with pytest.raises(ZooError, match=re.escape(f"there is no {uncompressed.url}/d: HTTP 404")):
        TFHub().resolve(ref(uncompressed, "/d"))


def test_a_bucket_that_holds_bad_things(uncompressed: Hub) -> None:
    place = uncompressed.folders[PATH]
    uncompressed.objects = {}
    with pytest.raises(ZooError, match=re.escape(f"{place} is no module: it holds no files")):
        TFHub().resolve(ref(uncompressed))
    uncompressed.objects = {"tfhub-modules/google/mobilenet/5/uncompressed/../../x": b""}
    with pytest.raises(ZooError, match=r"cannot be read: the path '\.\./\.\./x' leaves the model's folder"):
        TFHub().resolve(ref(uncompressed))
    uncompressed.pages["/storage/v1/b/tfhub-modules/o"] = (200, {}, b"<html>")
    with pytest.raises(ZooError, match=re.escape(f"{place} cannot be read: JSON is malformed")):
        TFHub().resolve(ref(uncompressed))


def test_a_server_that_is_not_there(into: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a/b/1"
    with pytest.raises(ZooError) as caught:
        TFHub().resolve(Ref.parse(f"tfhub://{url}"))
    assert caught.value.message == f"the connection for {url} broke: [Errno 111] Connection refused"
    assert caught.value.hint == "is the network up, and the address right?"


def test_handles_that_are_none() -> None:
    for handle in ("tfhub.dev/google/spice/2", "file:///etc/passwd", "gs://bucket/x.tar.gz"):
        with pytest.raises(ZooError) as caught:
            TFHub().resolve(Ref.parse(f"tfhub://{handle}"))
        assert caught.value.message == f"'tfhub://{handle}' is no handle: expected a URL of http or https"
        assert caught.value.hint == f"tfhub://https://{handle}"
    for handle in ("http://host:port/x", "http://127.0.0.1:1/a b"):
        with pytest.raises(ZooError, match=r"http://.*"):
            TFHub().resolve(Ref.parse(f"tfhub://{handle}"))


def test_a_folder_that_cannot_be_written(hub: Hub, into: Path) -> None:
    listing = TFHub().resolve(ref(hub))
    (into / f"{NAME}.tar.gz.part").mkdir()
    with pytest.raises(ZooError) as caught:
        TFHub().fetch(listing, listing.files, into, silent)
    assert caught.value.message == f"cannot write {into}/{NAME}.tar.gz: Is a directory"
    assert caught.value.hint == "is the disk full, or read-only?"


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        ("https://host/module", "module"),
        ("https://host/models/x.tar.gz", "x"),
        ("https://host", "module"),
        ("https://host/a/--b..c--/%20ü/_1_", "b.c-20-1"),
        ("https://host/a/" + "b" * 200, "b" * 92),
        ("https://host/a/b.git", "b"),
        ("https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1", "tensorFlow2-yamnet-1"),
    ],
)
def test_names(handle: str, name: str) -> None:
    assert slug(handle) == name
