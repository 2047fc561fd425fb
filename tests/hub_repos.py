"""What a hub holds: model repos with immutable commits, and how it describes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

LARGE_BYTES = 1000
LARGE_NAMES = (".keras", ".h5", ".safetensors")
Files = dict[str, bytes]


class HubError(Exception):
    """An answer that is an error: status, the hub's own code for it, its words."""

    def __init__(self, status: int, code: str = "", words: str = "") -> None:
        self.status, self.code, self.words = status, code, words


@dataclass
class Repo:
    """A repo; every commit holds all of its files.

    Attributes:
        private, gated, tags, pipeline_tag, card_data, downloads: as in `huggingface_hub.ModelInfo`.
        commits: 40 hexadecimal digits, as git's: the files.
        branches, labels: the commits that branches and tags name.
    """

    private: bool = False
    gated: bool = False
    tags: list[str] = field(default_factory=list)
    pipeline_tag: str | None = None
    card_data: dict[str, Any] | None = None
    downloads: int = 0
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: Files) -> str:
        """Put a commit on a branch."""
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.branches[branch] = sha
        return sha

    def find(self, revision: str) -> str | None:
        """Return the commit that a branch, tag, commit or a commit's first digits name."""
        named = {**self.labels, **self.branches}
        if revision in named:
            return named[revision]
        fits = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return fits[0] if fits else None

    def describe(self, name: str, sha: str, blobs: bool = False) -> dict[str, Any]:
        """Say what `/api/models` does of a commit; `blobs` adds the files' metadata."""
        files = self.commits[sha]
        return {
            "id": name,
            "sha": sha,
            "lastModified": "2026-01-02T03:04:05.000Z",
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "downloads": self.downloads,
            "tags": self.tags,
            "pipeline_tag": self.pipeline_tag,
            "cardData": self.card_data,
            "usedStorage": sum(map(len, files.values())),
            "siblings": [sibling(path, files[path]) if blobs else {"rfilename": path} for path in sorted(files)],
        }

    @property
    def refs(self) -> dict[str, Any]:
        """The branches and tags, as `/api/models/{name}/refs` lists them."""
        kinds = {"branches": ("heads", self.branches), "tags": ("tags", self.labels), "converts": ("convert", {})}
        return {
            kind: [{"name": name, "ref": f"refs/{below}/{name}", "targetCommit": sha} for name, sha in named.items()]
            for kind, (below, named) in kinds.items()
        }


def is_large(path: str, size: int) -> bool:
    """Whether a file goes through Git LFS; an empty one never does."""
    return size >= LARGE_BYTES or (size > 0 and path.endswith(LARGE_NAMES))


def oid_of(path: str, content: bytes) -> str:
    """Name a file's content: sha256 for a large file, git's blob name otherwise."""
    if is_large(path, len(content)):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sibling(path: str, content: bytes) -> dict[str, Any]:
    """Describe a file; git holds a pointer in a large file's place."""
    size, oid = len(content), oid_of(path, content)
    if not is_large(path, size):
        return {"rfilename": path, "size": size, "blobId": oid}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()
    lfs = {"sha256": oid, "size": size, "pointerSize": len(pointer)}
    return {"rfilename": path, "size": size, "blobId": oid_of("", pointer), "lfs": lfs}


def listed(files: Files, below: str, recursive: bool) -> dict[str, bytes | None]:
    """Return the files in a folder, with None for each folder in it."""
    start = len(below) + 1 if below else 0
    folders = {path[: path.index("/", start)] for path in files if "/" in path[start:]}
    if recursive:
        folders |= {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
        return {**dict.fromkeys(one for one in folders if len(one) > len(below)), **files}
    return {**dict.fromkeys(folders), **{path: files[path] for path in files if "/" not in path[start:]}}


def tree_entry(path: str, content: bytes | None) -> dict[str, Any]:
    """Describe a file, or a folder where there is no content, as `/tree` and `/paths-info` do."""
    if content is None:
        return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
    held = sibling(path, content)
    lfs = {"lfs": {"oid": held["lfs"]["sha256"], **held["lfs"]}} if "lfs" in held else {}
    return {"type": "file", "oid": held["blobId"], "size": held["size"], "path": path, **lfs}
