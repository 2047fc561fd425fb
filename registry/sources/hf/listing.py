"""What a hub says of a model, read leniently: whatever is missing or of another type is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry.errors import ZooError, near
from registry.ref import check_path
from registry.sources.hf.errors import plain
from registry.sources.hf.hub import Hub
from registry.sources.remote import Found, Listing, RemoteFile

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from huggingface_hub.hf_api import ExpandModelProperty_T, RepoSibling

COMMIT = re.compile(r"[0-9a-f]{40}")
EXPAND: list[ExpandModelProperty_T] = [
    "downloads",
    "lastModified",
    "pipeline_tag",
    "safetensors",
    "sha",
    "tags",
    "usedStorage",
]
"""The fields that a search asks for."""


def listing_of(hub: Hub, info: ModelInfo, file: str) -> Listing:
    """Describe a model as a reference found it.

    Args:
        hub: who said it.
        info: what it said, with the files' metadata; a moved model has its new name in it.
        file: the one file that the reference names; empty for all.

    Raises:
        ZooError: the file is not there, or what the hub says cannot be trusted.
    """
    if not COMMIT.fullmatch(info.sha or ""):
        raise ZooError(f"{hub.endpoint} names no commit of {plain(info.id)}: got {plain(info.sha)!r}")
    files = tuple(map(_file, info.siblings or ()))
    if file:
        files = _only(file, files, info.id)
    return Listing(
        ref=hub.ref(info.id, info.sha, file),
        name=info.id.rpartition("/")[2],
        files=files,
        task=plain(info.pipeline_tag or ""),
        license=_license(info),
        summary=plain(getattr(info.card_data, "summary", None) or ""),
        tags=_tags(info),
    )


def found_of(hub: Hub, info: ModelInfo) -> Found | None:
    """Describe a model that a search found; None where its name is none."""
    try:
        ref = hub.ref(info.id)
    except ZooError:
        return None
    return Found(
        name=str(ref),
        revision=plain(info.sha or "", 40),
        source=ref.source,
        task=plain(info.pipeline_tag or ""),
        parameters=_count(info.safetensors and info.safetensors.total),
        bytes=_count(getattr(info, "used_storage", None) or getattr(info, "usedStorage", None)),
        tags=_tags(info),
        downloads=_count(info.downloads),
        updated=f"{info.last_modified:%Y-%m-%d}" if info.last_modified else "",
        license=_license(info),
    )


def _file(sibling: RepoSibling) -> RemoteFile:
    try:
        path = check_path(sibling.rfilename)
    except ValueError as error:
        raise ZooError(f"the hub offers a file that is refused: {plain(error)}") from error
    if sibling.lfs:
        return RemoteFile(path, sibling.lfs.size, f"sha256:{sibling.lfs.sha256}")
    return RemoteFile(path, sibling.size, f"git-sha1:{sibling.blob_id}" if sibling.blob_id else "")


def _only(path: str, files: tuple[RemoteFile, ...], repo: str) -> tuple[RemoteFile, ...]:
    chosen = tuple(file for file in files if file.path == path)
    if not chosen:
        raise ZooError(f"{plain(repo)} has no file {path!r}", near(path, [file.path for file in files]))
    return chosen


def _license(info: ModelInfo) -> str:
    said = getattr(info.card_data, "license", None)
    if isinstance(said, str):
        return plain(said)
    tagged = [tag.removeprefix("license:") for tag in info.tags or () if str(tag).startswith("license:")]
    return plain(tagged[0]) if tagged else ""


def _tags(info: ModelInfo) -> tuple[str, ...]:
    """Return the tags that people wrote: the hub's own have a colon (`region:us`, `license:mit`)."""
    return tuple(plain(tag, 60) for tag in info.tags or () if ":" not in str(tag))


def _count(number: object) -> int | None:
    return number if isinstance(number, int) and number >= 0 else None
