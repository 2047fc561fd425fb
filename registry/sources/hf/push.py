"""A folder as one commit on a hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import CARD_FILE, SIGNATURE_FILE, decode
from registry.errors import ZooError
from registry.ref import MAIN, Ref
from registry.sources.hf.errors import plain
from registry.sources.hf.hub import PUBLIC, Hub
from registry.sources.hf.listing import COMMIT
from registry.watch import Watch

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

TIMEOUT = 30


@dataclass(frozen=True)
class Target:
    """Where a commit goes.

    Attributes:
        repo: the full name, also where the hub was asked for an old or a short one.
        branch: a branch that is there.
        parent: the commit that the branch ends with; None for an empty one.
    """

    repo: str
    branch: str
    parent: str | None


def push_folder(
    hub: Hub, repo: str, ref: Ref, folder: Path, message: str, *, tag: str | None, private: bool, watch: Watch
) -> tuple[Target, str]:  # fmt: skip
    """Commit all files below a folder; return where, and the commit.

    Large files are uploaded first and seen by nobody; the commit then names all files at once. It names its parent,
    too, so the hub refuses it if another came between.
    """
    branch = _branch(ref)
    with _settings(hub):
        target = _prepare(hub.api, repo, branch, tag, private)
        commit = _commit(hub, target, folder, message, watch)
    if tag:
        _tag(hub.api, target.repo, commit, tag)
    return target, commit


def _branch(ref: Ref) -> str:
    if ref.file:
        raise ZooError(f"{ref} names a file; a model is published as a whole", f"try {Ref(ref.name, None, ref.source)}")
    if ref.revision and COMMIT.fullmatch(ref.revision):
        raise ZooError(f"{ref} names a commit, which cannot change", f"try {ref.at(MAIN)}")
    return ref.revision or MAIN


def _prepare(api: HfApi, repo: str, branch: str, tag: str | None, private: bool) -> Target:
    repo = _repo(api, repo, private)
    refs = api.list_repo_refs(repo)
    if tag in [one.name for one in refs.tags]:
        raise ZooError(f"{repo} has a tag {tag!r} already; nothing was uploaded", "choose another --tag")
    heads = {one.name: one.target_commit for one in refs.branches}
    if branch not in heads and heads:
        api.create_branch(repo, branch=branch, revision=heads.get(MAIN), exist_ok=True)
    return Target(repo, branch, heads.get(branch, heads.get(MAIN)))


def _repo(api: HfApi, repo: str, private: bool) -> str:
    """Make the repo where there is none; return its full name."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = api.model_info(repo, timeout=TIMEOUT)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return api.create_repo(repo, private=private or None, exist_ok=True).repo_id
    if private and not info.private:
        raise ZooError(
            f"{info.id} is there already and everyone can see it", "leave out --private, or choose another name"
        )
    return info.id


def _commit(hub: Hub, target: Target, folder: Path, message: str, watch: Watch) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    additions = [CommitOperationAdd(name, path) for name, path in paths.items()]
    deletions = [CommitOperationDelete(name) for name in _stale(hub, target, set(paths))]
    _upload(hub.api, target, additions, watch)
    done = hub.api.create_commit(
        target.repo,
        [*additions, *deletions],
        commit_message=message,
        revision=target.branch,
        parent_commit=target.parent,
    )
    return done.oid


def _stale(hub: Hub, target: Target, kept: set[str]) -> list[str]:
    """Name the files that the last publication brought and this one does not; what others put there stays."""
    from huggingface_hub import get_session, hf_raise_for_status

    there = {one.rfilename for one in hub.api.model_info(target.repo, revision=target.parent).siblings or ()}
    if CARD_FILE not in there:
        return []
    url = hub.url(target.repo, target.parent or target.branch, CARD_FILE)
    response = get_session().get(url, headers=hub.headers, timeout=TIMEOUT)
    hf_raise_for_status(response)
    try:
        card = decode(response.content)
    except ZooError:
        return []
    ours = {SIGNATURE_FILE, *(file.path for file in card.files)}
    return sorted((there & ours) - kept)


def _upload(api: HfApi, target: Target, additions: Sequence[CommitOperationAdd], watch: Watch) -> None:
    """Upload the large files one by one, to report each; the small ones are part of the commit."""
    done, total = 0, sum(addition.upload_info.size for addition in additions)
    for addition in additions:
        watch("upload", done, total, addition.path_in_repo)
        api.preupload_lfs_files(target.repo, [addition], revision=target.branch, free_memory=False)
        done += addition.upload_info.size
    watch("upload", done, total)


def _tag(api: HfApi, repo: str, commit: str, tag: str) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_tag(repo, tag=tag, revision=commit)
    except HfHubHTTPError as error:
        said = plain(error.server_message or error)
        raise ZooError(f"{repo}@{commit[:12]} is published, but without the tag {tag!r}: {said}") from error


@contextmanager
def _settings(hub: Hub) -> Iterator[None]:
    """Turn two settings of huggingface_hub that it reads from the environment once, when it is imported.

    With `hf_xet` installed, it sends large files to Xet storage and does not fall back to Git LFS where a hub has none:
    only the public one surely has. And its version 1 takes a new commit's address for none if it is on another hub
    than `ENDPOINT`.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET, constants.ENDPOINT
    constants.HF_HUB_DISABLE_XET, constants.ENDPOINT = before[0] or hub.endpoint != PUBLIC, hub.endpoint
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET, constants.ENDPOINT = before
