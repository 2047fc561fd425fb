"""A model as an OCI artifact, by the CNCF ModelPack specification; bytes in, values out.

https://github.com/modelpack/model-spec (`docs/spec.md`, `docs/config.md`, `docs/annotations.md`, `specs-go/v1`), on top
of https://github.com/opencontainers/image-spec/blob/main/manifest.md. Every file is one layer, as it is (`.raw`), named
by the annotation `org.cncf.model.filepath`. The layer's title is the same path, by which `oras pull` names files.

The manifest has no times, so the same revision is the same manifest wherever it is pushed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import msgspec

from registry.card import CARD_FILE, Card, FileEntry
from registry.errors import ZooError
from registry.ref import check_path
from registry.sources.remote import RemoteFile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
EMPTY = "application/vnd.oci.empty.v1+json"

MODEL = "application/vnd.cncf.model.manifest.v1+json"
CONFIG = "application/vnd.cncf.model.config.v1+json"
FAMILIES = ("application/vnd.cncf.model.", "application/vnd.cnai.model.")  # the second is its name before July 2025

FILE_PATH = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"
PATHS = (FILE_PATH, "org.cnai.model.filepath", TITLE)

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ARCHIVE = re.compile(r"[.+]tar(?:[+.](?P<packed>gzip|zstd))?$")
ENDINGS = {None: ".tar", "gzip": ".tar.gz", "zstd": ".tar.zst"}
DOCUMENTS = ("readme", "license", "licence", "notice", "changelog")
KINDS = {
    ".md": "doc", ".rst": "doc", ".pdf": "doc",
    ".py": "code", ".sh": "code", ".ipynb": "code",
    ".npz": "dataset", ".npy": "dataset", ".csv": "dataset", ".parquet": "dataset",
    ".json": "weight.config", ".txt": "weight.config", ".yaml": "weight.config", ".sig": "weight.config",
}  # fmt: skip


class Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a manifest says of one blob."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] | None = None

    @property
    def is_configuration(self) -> bool:
        """Whether the blob is a model configuration."""
        return self.media_type.startswith(FAMILIES)


class Manifest(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The fields of an OCI or Docker image manifest, or of an index of manifests, that matter here."""

    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    annotations: dict[str, str] | None = None
    manifests: tuple[Descriptor, ...] = ()


class About(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A model configuration's `descriptor`: the model in general."""

    name: str = ""
    title: str = ""
    version: str = ""
    revision: str = ""
    description: str = ""
    licenses: tuple[str, ...] = ()


class Technical(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A model configuration's `config`: figures."""

    format: str = ""
    param_size: str = ""


class Layers(msgspec.Struct, frozen=True, rename="camel"):
    """A model configuration's `modelfs`: the layers' digests before compression."""

    type: str
    diff_ids: tuple[str, ...]


class Configuration(msgspec.Struct, frozen=True):
    """The blob of the media type `CONFIG`."""

    descriptor: About
    config: Technical
    modelfs: Layers


class _Described(msgspec.Struct, frozen=True):
    descriptor: About = About()


def manifest_of(card: Card, files: Iterable[FileEntry]) -> tuple[bytes, bytes]:
    """Describe a revision as an artifact.

    Args:
        card: the revision.
        files: all that is pushed, `zoo.json` as well.

    Returns:
        The configuration blob and the manifest, as they are uploaded.
    """
    ordered = sorted(files, key=lambda file: file.path)
    layers = tuple(_layer(card, file) for file in ordered)
    config = msgspec.json.encode(_configuration(card, revision_in(ordered), layers))
    described = Descriptor(CONFIG, digest_of(config), len(config))
    return config, msgspec.json.encode(Manifest(2, MANIFEST, MODEL, described, layers))


def read_manifest(content: bytes, where: str) -> Manifest:
    """Read a manifest of a model; the names of its files are not looked at yet.

    Raises:
        ZooError: it is no manifest, or one of something else.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZooError(f"{where} has no valid manifest: {error}") from error
    if not is_model(manifest):
        raise ZooError(
            f"{where} is {_kind(manifest)}, not a model", "a model is pushed by: zoo publish NAME --to oci://…"
        )
    return manifest


def is_model(manifest: Manifest) -> bool:
    """Say whether a manifest is one of a model, or of plain files that are all named."""
    types = (manifest.artifact_type, manifest.config.media_type if manifest.config else "")
    if any(kind.startswith(FAMILIES) for kind in types):
        return True
    is_image = any(kind in types[1] for kind in (".image.config.", ".container.image."))
    return bool(manifest.layers) and not is_image and all(_path_of(layer) for layer in manifest.layers)


def files_of(manifest: Manifest, where: str) -> tuple[RemoteFile, ...]:
    """List the files of a manifest; a layer that is an archive is named by its path and the archive's ending.

    Raises:
        ZooError: a path leaves the model's folder or comes twice, a file has no name, or a digest is not sha256.
    """
    layers = [(number, layer) for number, layer in enumerate(manifest.layers, start=1) if layer.media_type != EMPTY]
    files = tuple(_file(layer, number, where) for number, layer in layers)
    paths = [file.path for file in files]
    for path in paths:
        if paths.count(path) > 1:
            raise ZooError(f"{where} cannot be used: the file {path!r} comes twice")
    return files


def about(config: bytes) -> About:
    """Read what a configuration says of the model; nothing where it cannot be read, for it is said to people only."""
    try:
        return msgspec.json.decode(config, type=_Described).descriptor
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return About()


def digest_of(content: bytes) -> str:
    """Return the digest that names a blob: `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def media_type_of(card: Card, path: str) -> str:
    """Choose a file's layer media type: what the card names as weights, else by its name, else weights.

    >>> media_type_of(Card("m", "keras", "model.keras"), "README.md")
    'application/vnd.cncf.model.doc.v1.raw'
    """
    name = PurePosixPath(path)
    kind = KINDS.get(name.suffix.lower(), "weight")
    if path.startswith(card.weights):
        kind = "weight"
    elif name.stem.lower() in DOCUMENTS:
        kind = "doc"
    return f"{FAMILIES[0]}{kind}.v1.raw"


def size_text(parameters: int) -> str:
    """Write a number of parameters as the specification's `paramSize`: at most one digit after the point.

    >>> size_text(6_738_415_616), size_text(266_610), size_text(75)
    ('6.7B', '266.6K', '0.1K')
    """
    for letter, unit in (("Q", 10**15), ("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if parameters >= unit:
            return f"{parameters / unit:.1f}{letter}"
    return f"{parameters / 1000:.1f}K"


def revision_in(files: Iterable[FileEntry]) -> str:
    """Return the revision of what is pushed: the sha256 of its `zoo.json`."""
    return next(file.sha256 for file in files if file.path == CARD_FILE)


def _layer(card: Card, file: FileEntry) -> Descriptor:
    named = {FILE_PATH: file.path, TITLE: file.path}
    return Descriptor(media_type_of(card, file.path), f"sha256:{file.sha256}", file.bytes, named)


def _configuration(card: Card, revision: str, layers: tuple[Descriptor, ...]) -> Configuration:
    licenses = (card.license,) if card.license else ()
    about = About(card.name, card.name, revision[:12], revision, card.summary, licenses)
    technical = Technical(card.format, size_text(card.parameters) if card.parameters else "")
    return Configuration(about, technical, Layers("layers", tuple(layer.digest for layer in layers)))


def _kind(manifest: Manifest) -> str:
    if manifest.manifests or manifest.media_type in (INDEX, DOCKER_INDEX):
        return f"an index of {len(manifest.manifests)} manifests ({manifest.media_type or INDEX})"
    media_type = manifest.artifact_type or (manifest.config.media_type if manifest.config else manifest.media_type)
    if ".image.config." in media_type or ".container.image." in media_type:
        return f"a container image ({media_type})"
    return f"an artifact of the type {media_type or 'unknown'}"


def _path_of(layer: Descriptor) -> str:
    annotations = layer.annotations or {}
    return next((annotations[key] for key in PATHS if annotations.get(key)), "")


def _file(layer: Descriptor, number: int, where: str) -> RemoteFile:
    archive = ARCHIVE.search(layer.media_type)
    path = _path_of(layer) or (f"layer-{number}" if archive else "")
    if not path:
        raise ZooError(f"{where} cannot be used: layer {number} ({layer.media_type}) has no file name")
    if not DIGEST.fullmatch(layer.digest) or layer.size < 0:
        raise ZooError(f"{where} cannot be used: {path!r} has no valid sha256 digest and size: {layer.digest!r}")
    if archive:
        ending = ENDINGS[archive["packed"]]
        path = path.rstrip("/").removesuffix(ending) + ending
    try:
        return RemoteFile(check_path(path), layer.size, layer.digest, archive=bool(archive))
    except ValueError as error:
        raise ZooError(f"{where} cannot be used: {error}") from error
