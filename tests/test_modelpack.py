from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import Card, FileEntry, LayerInfo
from registry.errors import ZooError
from registry.ref import check_path
from registry.sources.oci.modelpack import (
    about,
    digest_of,
    files_of,
    is_model,
    manifest_of,
    media_type_of,
    read_manifest,
    size_text,
)
from registry.sources.remote import RemoteFile

HEX = "0123456789abcdef" * 4
CARD = Card(
    "digits", "keras", "model.keras", summary="Reads digits.", license="MIT", layers=(LayerInfo("a", "Dense", 1234),)
)
FILES = (FileEntry("zoo.json", 5, "1" * 64), FileEntry("model.keras", 7, "2" * 64), FileEntry("README.md", 3, "3" * 64))


def artifact(**fields: Any) -> bytes:
    """A manifest of a model with one layer, with some fields changed."""
    layer = {
        "mediaType": "application/vnd.cncf.model.weight.v1.raw",
        "digest": f"sha256:{HEX}",
        "size": 7,
        "annotations": {"org.cncf.model.filepath": "model.keras"},
    }
    layer.update({name.removeprefix("layer_"): value for name, value in fields.items() if name.startswith("layer_")})
    whole = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.cncf.model.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.model.config.v1+json", "digest": f"sha256:{HEX}", "size": 2},
        "layers": [layer],
    }
    whole.update({name: value for name, value in fields.items() if not name.startswith("layer_")})
    return json.dumps(whole).encode()


def test_a_manifest_follows_the_specification() -> None:
    config, manifest = manifest_of(CARD, FILES)
    assert json.loads(manifest) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.cncf.model.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.cncf.model.config.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": f"application/vnd.cncf.model.{kind}.v1.raw",
                "digest": f"sha256:{digit * 64}",
                "size": size,
                "annotations": {"org.cncf.model.filepath": path, "org.opencontainers.image.title": path},
            }
            for kind, digit, size, path in (
                ("doc", "3", 3, "README.md"),
                ("weight", "2", 7, "model.keras"),
                ("weight.config", "1", 5, "zoo.json"),
            )
        ],
    }
    assert json.loads(config) == {
        "descriptor": {
            "name": "digits",
            "title": "digits",
            "version": "1" * 12,
            "revision": "1" * 64,
            "description": "Reads digits.",
            "licenses": ["MIT"],
        },
        "config": {"format": "keras", "paramSize": "1.2K"},
        "modelfs": {"type": "layers", "diffIds": [f"sha256:{digit * 64}" for digit in "321"]},
    }


def test_what_is_written_is_read() -> None:
    config, manifest = manifest_of(CARD, FILES)
    read = read_manifest(manifest, "here")
    assert {(file.path, file.bytes, file.digest) for file in files_of(read, "here")} == {
        (file.path, file.bytes, f"sha256:{file.sha256}") for file in FILES
    }
    assert about(config).licenses == ("MIT",)
    assert manifest_of(CARD, reversed(FILES)) == (config, manifest)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("model.keras", "weight"), ("model.safetensors", "weight"), ("LICENSE", "doc"), ("notes/a.md", "doc"),
        ("labels.txt", "weight.config"), ("model.sig", "weight.config"), ("tests.npz", "dataset"), ("make.py", "code"),
    ],
)  # fmt: skip
def test_layer_types(path: str, kind: str) -> None:
    assert media_type_of(CARD, path) == f"application/vnd.cncf.model.{kind}.v1.raw"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\\b", "a//b", "./a", "a\nb"])
def test_hostile_paths_are_refused(path: str) -> None:
    manifest = read_manifest(artifact(layer_annotations={"org.cncf.model.filepath": path}), "oci://h/r:v")
    with pytest.raises(ZooError, match=r"oci://h/r:v cannot be used: the path .* leaves the model's folder"):
        files_of(manifest, "oci://h/r:v")


@given(st.text(min_size=1))
def test_no_path_leaves_the_folder(path: str) -> None:
    annotated = artifact(layer_annotations={"org.cncf.model.filepath": path})
    try:
        files = files_of(read_manifest(annotated, "here"), "here")
    except ZooError:
        return
    assert [check_path(file.path) for file in files] == [path]


@pytest.mark.parametrize(
    ("media_type", "annotations", "path"),
    [
        ("application/vnd.cncf.model.weight.v1.tar", {"org.cncf.model.filepath": "weights"}, "weights.tar"),
        ("application/vnd.cncf.model.weight.v1.tar+gzip", {"org.cncf.model.filepath": "w.tar.gz"}, "w.tar.gz"),
        ("application/vnd.cncf.model.doc.v1.tar+zstd", {}, "layer-1.tar.zst"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", {"org.opencontainers.image.title": "dir/"}, "dir.tar.gz"),
    ],
)
def test_archives_are_taken_as_such(media_type: str, annotations: dict[str, str], path: str) -> None:
    manifest = read_manifest(artifact(layer_mediaType=media_type, layer_annotations=annotations), "here")
    assert files_of(manifest, "here") == (RemoteFile(path, 7, f"sha256:{HEX}", archive=True),)


def test_older_names_and_plain_files_are_read() -> None:
    older = artifact(
        artifactType="application/vnd.cnai.model.manifest.v1+json",
        layer_annotations={"org.cnai.model.filepath": "a.h5"},
    )
    assert files_of(read_manifest(older, "here"), "here")[0].path == "a.h5"
    plain = artifact(
        artifactType="application/vnd.unknown.artifact.v1",
        config={"mediaType": "application/vnd.oci.empty.v1+json", "digest": f"sha256:{HEX}", "size": 2},
        layer_annotations={"org.opencontainers.image.title": "model.h5"},
    )
    assert files_of(read_manifest(plain, "here"), "here")[0].path == "model.h5"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer_digest": "sha512:00"}, "'model.keras' has no valid sha256 digest and size: 'sha512:00'"),
        ({"layer_size": -1}, "'model.keras' has no valid sha256 digest and size"),
        ({"layer_annotations": {}}, r"layer 1 \(application/vnd.cncf.model.weight.v1.raw\) has no file name"),
    ],
)
def test_layers_that_cannot_be_used(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        files_of(read_manifest(artifact(**fields), "here"), "here")


def test_a_path_that_comes_twice() -> None:
    twice = json.loads(artifact())
    twice["layers"] *= 2
    with pytest.raises(ZooError, match=r"the file 'model\.keras' comes twice"):
        files_of(read_manifest(json.dumps(twice).encode(), "here"), "here")


IMAGE = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{HEX}", "size": 2}
HELM = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": f"sha256:{HEX}", "size": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            artifact(artifactType="", config=IMAGE),
            r"is a container image \(application/vnd.oci.image.config.v1\+json\)",
        ),
        (
            artifact(artifactType="", config=HELM, layer_annotations={}),
            r"is an artifact of the type application/vnd.cncf.helm.config.v1\+json, not a model",
        ),
        (
            json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": "a", "digest": "b", "size": 1}] * 3}).encode(),
            r"is an index of 3 manifests \(application/vnd.oci.image.index.v1\+json\)",
        ),
        (b"<html>", "has no valid manifest"),
        (b"[" * 100_000, "has no valid manifest"),
        (b'{"schemaVersion": 2, "layers": 7}', "has no valid manifest: .*layers"),
    ],
)
def test_what_is_no_model_is_named(content: bytes, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        read_manifest(content, "oci://h/r:v")


def test_an_image_with_titles_is_still_an_image() -> None:
    with pytest.raises(ZooError, match="a container image"):
        read_manifest(artifact(artifactType="", config=IMAGE), "here")
    assert is_model(read_manifest(artifact(), "here"))


def test_a_configuration_that_cannot_be_read_says_nothing() -> None:
    assert about(b'{"descriptor": 3}') == about(b"\xff") == about(b"{}")


def test_sizes() -> None:
    assert [size_text(n) for n in (999, 10**6, 2 * 10**12)] == ["1.0K", "1.0M", "2.0T"]
