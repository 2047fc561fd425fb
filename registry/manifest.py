"""What the catalogue knows of a revision beyond its card, as a blob, so that the catalogue can be made anew from blobs.

Manifests lie in a store of their own, so that a model's file is never taken for one.

A manifest is JSON with sorted keys: `{"kind": "commit", "name": ..., "revision": ..., ...}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from registry.ref import MAIN


@dataclass(frozen=True)
class Manifest:
    """That a repo got a commit or a tag.

    Attributes:
        kind: which of the two.
        name: the repo.
        revision: the commit that was added, or that the tag names.
        created: when, in Unix seconds.
        branch: which branch went on, for a commit.
        origin: the pinned reference that it was pulled from, for a commit.
        tag: the tag's name, for a tag.
        catalogue: which catalogue it was, where several use the same store (`Home.identity`).
    """

    kind: Literal["commit", "tag"]
    name: str
    revision: str
    created: float
    branch: str = MAIN
    origin: str = ""
    tag: str = ""
    catalogue: str = ""


def encode(manifest: Manifest) -> bytes:
    """Write a manifest; the inverse of `decode`."""
    return msgspec.json.encode(manifest, order="sorted")


def decode(text: bytes) -> Manifest | None:
    """Read a manifest; None where the bytes are none."""
    try:
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
