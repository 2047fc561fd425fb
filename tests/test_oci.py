from __future__ import annotations

import base64
import io
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from line import Line, breaking_line
from services import free_port, serve_registry
from test_destinations import content, made, pull
from token_server import LOGIN, serve_tokens

from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.oci.distribution import Repository
from registry.sources.oci.docker import certificate, is_insecure
from registry.sources.oci.modelpack import digest_of
from registry.sources.oci.source import OCI
from registry.watch import silent

# htpasswd's line for ada, secret
USERS = "ada:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


@pytest.fixture
def image(docker_registry: str) -> str:
    """A reference to a repository where nothing is yet."""
    return f"oci://{docker_registry}/team-{uuid.uuid4().hex[:8]}/digits"


@pytest.fixture
def line(docker_registry: str) -> Iterator[Line]:
    with breaking_line(docker_registry) as made_line:
        yield made_line


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Write Docker's file of logins, as `docker login HOST` does."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))

    def write(host: str, login: str) -> None:
        (tmp_path / "docker").mkdir(exist_ok=True)
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))

    return write


def put_manifest(ref: str, tag: str, manifest: dict[str, Any]) -> str:
    """Push a manifest of one's own making, its blobs first; return its digest."""
    host, _, path = ref.removeprefix("oci://").partition("/")
    with Repository(host, path) as repository:
        for blob in (manifest["config"], *manifest["layers"]):
            data = blob.pop("data")
            blob.update(digest=digest_of(data), size=len(data))
            repository.upload(blob["digest"], len(data), io.BytesIO(data))
    text = json.dumps(manifest).encode()
    headers = {"Content-Type": manifest["mediaType"]}
    urlopen(Request(f"http://{host}/v2/{path}/manifests/{tag}", text, headers, method="PUT"), timeout=5).close()
    return digest_of(text)


def foreign(path: str = "model.h5", **config: Any) -> dict[str, Any]:
    """A model artifact as other programs make it."""
    described = json.dumps({"descriptor": {"licenses": ["MIT"], "description": "Theirs."}, **config}).encode()
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.cncf.model.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.model.config.v1+json", "data": described},
        "layers": [
            {
                "mediaType": "application/vnd.cncf.model.weight.v1.raw",
                "data": b"weights",
                "annotations": {"org.cncf.model.filepath": path},
            }
        ],
    }


def test_pinned_to_the_manifests_digest(image: str, tmp_path: Path) -> None:
    card = made(tmp_path / "a")
    pushed = OCI().push(tmp_path / "a", card, Ref.parse(image), watch=silent)
    host, _, path = image.removeprefix("oci://").partition("/")
    with Repository(host, path) as repository:
        text, digest = repository.manifest("latest")
    assert pushed.ref == Ref.parse(f"{image}@{digest}") and digest_of(text) == digest
    assert pushed.url.startswith(f"{image}:")
    assert pull(OCI(), Ref.parse(f"{image}@{digest}"), tmp_path / "into") == content(tmp_path / "a")


def test_a_tag_moves_and_what_it_named_stays(image: str, tmp_path: Path) -> None:
    first = OCI().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(f"{image}:v1"), watch=silent)
    second = OCI().push(tmp_path / "b", made(tmp_path / "b", "better"), Ref.parse(f"{image}:v1"), watch=silent)
    assert OCI().resolve(Ref.parse(f"{image}:v1")).ref == second.ref != first.ref
    assert OCI().resolve(first.ref).ref == first.ref


def test_the_same_content_is_not_uploaded_again(docker_registry: str, line: Line, image: str, tmp_path: Path) -> None:
    card = made(tmp_path / "a")
    OCI().push(tmp_path / "a", card, Ref.parse(image), watch=silent)
    through = Ref.parse(image.replace(docker_registry, line.host))
    OCI().push(tmp_path / "a", card, through, watch=silent)
    assert line.sent < 10_000 < (tmp_path / "a" / "model.keras").stat().st_size


def test_a_model_of_another_program(image: str, tmp_path: Path) -> None:
    digest = put_manifest(image, "latest", foreign("sub/model.h5"))
    listing = OCI().resolve(Ref.parse(image))
    assert (listing.ref.revision, listing.license, listing.summary) == (digest, "MIT", "Theirs.")
    assert pull(OCI(), listing.ref, tmp_path / "into") == {"sub/model.h5": b"weights"}


def test_a_broken_connection_is_made_again(docker_registry: str, line: Line, image: str, tmp_path: Path) -> None:
    OCI().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(image), watch=silent)
    line.breaks_after = 400_000
    got = pull(OCI(), Ref.parse(image.replace(docker_registry, line.host)), tmp_path / "into")
    assert got == content(tmp_path / "a")
    assert line.carried < 1_700_000  # at most one block is lost with a connection


def test_a_broken_download_is_continued_by_the_next_call(
    docker_registry: str, line: Line, image: str, tmp_path: Path
) -> None:
    OCI().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(image), watch=silent)
    listing = OCI().resolve(Ref.parse(image.replace(docker_registry, line.host)))
    into, size = tmp_path / "into", (tmp_path / "a" / "model.keras").stat().st_size
    into.mkdir()

    def fall_silent(stage: str, done: int, total: int, note: str = "") -> None:
        if note == "model.keras" and done > 300_000:
            line.breaks_after = 0

    line.breaks_after = 600_000
    with pytest.raises(ZooError, match=rf"the connection to {line.host} broke at \d+ of {size} bytes") as caught:
        OCI().fetch(listing, listing.files, into, fall_silent)
    assert caught.value.hint == "the same command again goes on from there"
    half = (into / "model.keras.part").stat().st_size
    assert 300_000 < half < size and not (into / "model.keras").exists()

    line.breaks_after, line.carried = None, 0
    OCI().fetch(listing, listing.files, into, silent)
    assert content(into) == content(tmp_path / "a")
    assert line.carried < size - half + 10_000


def test_a_path_that_leaves_the_folder(image: str) -> None:
    put_manifest(image, "latest", foreign("../x"))
    with pytest.raises(ZooError, match=r"cannot be used: the path '\.\./x' leaves the model's folder"):
        OCI().resolve(Ref.parse(image))


def test_an_image_is_no_model(image: str) -> None:
    manifest = foreign()
    del manifest["artifactType"]
    manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    put_manifest(image, "latest", manifest)
    with pytest.raises(ZooError, match=r"is a container image \(application/vnd.oci.image.config.v1\+json\), not a m"):
        OCI().resolve(Ref.parse(image))
    found = OCI().search("digits", 99, Ref.parse(image).name.partition("/")[0])
    assert image not in [line.name for line in found]


def test_damaged_bytes_are_found(tmp_path: Path) -> None:
    with serve_registry(tmp_path) as host:
        ref = Ref.parse(f"oci://{host}/digits:v1")
        OCI().push(tmp_path / "a", made(tmp_path / "a"), ref, watch=silent)
        digest = (OCI().resolve(ref).ref.revision or "").removeprefix("sha256:")
        blob = next((tmp_path / "data").rglob(f"{digest}/data"))
        blob.write_bytes(blob.read_bytes().replace(b"README", b"README"[::-1]))
        with pytest.raises(
            ZooError, match=rf"a manifest of {host}/digits is damaged: expected sha256:{digest}, got sha"
        ):
            OCI().resolve(ref)


def test_unknown_repositories_name_near_ones(image: str, tmp_path: Path) -> None:
    OCI().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(image), watch=silent)
    name = image.removeprefix("oci://").partition("/")[2]
    with pytest.raises(ZooError, match=f"has no repository '{name[:-1]}'") as caught:
        OCI().resolve(Ref.parse(image[:-1]))
    assert name in caught.value.hint


def test_an_unknown_digest(image: str, tmp_path: Path) -> None:
    OCI().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(image), watch=silent)
    with pytest.raises(ZooError, match=f"has no manifest 'sha256:{'0' * 64}'"):
        OCI().resolve(Ref.parse(f"{image}@sha256:{'0' * 64}"))


def test_a_server_that_is_down() -> None:
    host, began = f"127.0.0.1:{free_port()}", time.monotonic()
    with pytest.raises(ZooError, match=f"the registry {host} cannot be reached: .*[Cc]onnection refused") as caught:
        OCI().resolve(Ref.parse(f"oci://{host}/digits"))
    assert caught.value.hint == f"is http://{host}/v2/ right?"
    assert time.monotonic() - began < 5


def test_a_server_that_is_no_registry(s3_endpoint: str) -> None:
    host = s3_endpoint.removeprefix("http://")
    with pytest.raises(ZooError, match=f"there is no OCI registry at http://{host}"):
        OCI().resolve(Ref.parse(f"oci://{host}/digits"))


def test_names_that_cannot_be_pushed_to(image: str, tmp_path: Path) -> None:
    card = made(tmp_path / "a")
    with pytest.raises(ZooError, match="'Digits' cannot be pushed to: an OCI repository's name is in lower case"):
        OCI().push(tmp_path / "a", card, Ref.parse("oci://127.0.0.1:1/Digits"), watch=silent)
    with pytest.raises(ZooError, match="'sha256:00' is no tag"):
        OCI().push(tmp_path / "a", card, Ref.parse("oci://127.0.0.1:1/digits@sha256:00"), watch=silent)
    with pytest.raises(ZooError, match="'a b' is no tag"):
        OCI().push(tmp_path / "a", card, Ref.parse("oci://127.0.0.1:1/digits"), tag="a b", watch=silent)


def test_a_password_is_asked_for(tmp_path: Path, docker_config: Callable[[str, str], None]) -> None:
    (tmp_path / "users").write_text(USERS)
    with serve_registry(tmp_path, f"{{htpasswd: {{realm: test, path: {tmp_path / 'users'}}}}}") as host:
        ref = Ref.parse(f"oci://{host}/digits")
        card = made(tmp_path / "a")
        with pytest.raises(ZooError, match=f"{host}/digits refuses access: Unauthorized") as caught:
            OCI().push(tmp_path / "a", card, ref, watch=silent)
        assert caught.value.hint == f"docker login {host}"
        docker_config(host, base64.b64encode(b"ada:wrong").decode())
        with pytest.raises(ZooError, match="refuses access"):
            OCI().resolve(ref)
        docker_config(host, LOGIN)
        OCI().push(tmp_path / "a", card, ref, watch=silent)
        assert pull(OCI(), ref, tmp_path / "into") == content(tmp_path / "a")
        assert [line.name for line in OCI().search("dig", 5, host)] == [str(ref)]


def test_tokens_are_asked_for(
    tmp_path: Path, docker_config: Callable[[str, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    with serve_tokens(tmp_path) as auth, serve_registry(tmp_path, auth) as host:
        ref = Ref.parse(f"oci://{host}/team/digits")
        card = made(tmp_path / "a")
        with pytest.raises(ZooError, match=f"{host}/team/digits refuses access: ") as caught:
            OCI().push(tmp_path / "a", card, ref, watch=silent)
        assert caught.value.hint == f"docker login {host}"
        docker_config(host, base64.b64encode(b"ada:wrong").decode())
        with pytest.raises(ZooError, match="refuses access"):
            OCI().resolve(ref)
        assert capfd.readouterr().err == ""
        docker_config(host, LOGIN)
        OCI().push(tmp_path / "a", card, ref, watch=silent)
        docker_config("another", LOGIN)  # everyone may pull
        assert pull(OCI(), ref, tmp_path / "into") == content(tmp_path / "a")


def test_a_damaged_file_of_logins(tmp_path: Path, docker_config: Callable[[str, str], None]) -> None:
    docker_config("any", LOGIN)
    (tmp_path / "docker" / "config.json").write_text("{")
    with pytest.raises(ZooError, match="Docker's logins cannot be read: "):
        OCI().resolve(Ref.parse("oci://127.0.0.1:1/digits"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "oras"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "oras", None)
    with pytest.raises(ZooError, match=r"this needs the Python package 'oras.*', which is not installed") as caught:
        OCI().resolve(Ref.parse("oci://localhost:5000/digits"))
    assert caught.value.hint == "pip install 'zoo[oci]'"


def test_dockers_settings(tmp_path: Path) -> None:
    assert not is_insecure("registry.lan:5000", tmp_path) and not certificate("registry.lan:5000", tmp_path)
    (tmp_path / "daemon.json").write_text('{"insecure-registries": ["registry.lan:5000"]}')
    (tmp_path / "certs.d" / "registry.lan").mkdir(parents=True)
    (tmp_path / "certs.d" / "registry.lan" / "ca.crt").write_text("")
    assert is_insecure("registry.lan:5000", tmp_path) and not is_insecure("registry.lan", tmp_path)
    assert certificate("registry.lan", tmp_path).endswith("certs.d/registry.lan/ca.crt")
    (tmp_path / "daemon.json").write_text("[]")
    assert not is_insecure("registry.lan:5000", tmp_path)
