"""The Hugging Face Hub, and every other hub that speaks its protocol, through `huggingface_hub`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from registry.card import Card, revision_of
from registry.digests import check
from registry.errors import ZooError, near
from registry.ref import MAIN, Ref
from registry.sources.hf.download import download
from registry.sources.hf.errors import told
from registry.sources.hf.hub import Hub, hub_at, hub_of
from registry.sources.hf.listing import EXPAND, found_of, listing_of
from registry.sources.hf.push import push_folder
from registry.sources.remote import Found, Listing, Pushed, RemoteFile
from registry.watch import Watch

PARTIAL = ".partial"
TIMEOUT = 30


class HuggingFace:
    """The source of the schemes `hf`, `https` and `http`; see `registry.sources.remote` for what its methods promise.

    The user's token, from `HF_TOKEN` or `hf auth login`, goes to the hub of `HF_ENDPOINT` only: an address in a
    reference may be anybody's.
    """

    def resolve(self, ref: Ref) -> Listing:
        """Find out which commit a reference means, and which files it has."""
        from huggingface_hub.errors import RevisionNotFoundError

        hub, repo = hub_of(ref)
        with told(hub, repo, f"looking up {ref}"):
            try:
                info = hub.api.model_info(repo, revision=ref.revision, files_metadata=True, timeout=TIMEOUT)
            except RevisionNotFoundError as error:
                raise _no_revision(hub, repo, ref.revision or MAIN) from error
            return listing_of(hub, info, ref.file)

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download files; what is unfinished lies in a folder `.partial`, which is gone when all are there."""
        hub, repo = hub_of(listing.ref)
        meter = _Meter(watch, sum(file.bytes or 0 for file in files))
        with told(hub, repo, f"the download of {listing.ref}"):
            for file in files:
                meter.path = file.path
                _fetch(hub, repo, listing.ref.revision or MAIN, file, into, meter)
        shutil.rmtree(into / PARTIAL, ignore_errors=True)

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """Return the models of a hub that fit the words, the most downloaded first."""
        hub = hub_at(place)
        with told(hub, "", f"the search on {hub.endpoint}"):
            _knock(hub)
            infos = hub.api.list_models(search=query or None, sort="downloads", limit=limit, expand=EXPAND)
            found = [found_of(hub, info) for info in islice(infos, limit)]
        return [one for one in found if one]

    def push(
        self, folder: Path, card: Card, ref: Ref, *, tag: str | None = None, private: bool = False, watch: Watch
    ) -> Pushed:
        """Publish a folder as one commit on `main` or the branch that the reference names."""
        hub, repo = hub_of(ref)
        message = f"Publish {card.name}@{revision_of(card)[:12]}"
        with told(hub, repo, f"publishing to {ref}"):
            target, commit = push_folder(hub, repo, ref, folder, message, tag=tag, private=private, watch=watch)
        page = f"{hub.endpoint}/{target.repo}"
        return Pushed(hub.ref(target.repo, commit), page if target.branch == MAIN else f"{page}/tree/{target.branch}")


class _Meter:
    """Adds up the bytes of several files."""

    def __init__(self, watch: Watch, total: int) -> None:
        self.watch, self.total, self.done, self.path = watch, total, 0, ""

    def add(self, count: int) -> None:
        self.done += count
        self.watch("download", self.done, self.total, self.path)


def _fetch(hub: Hub, repo: str, commit: str, file: RemoteFile, into: Path, meter: _Meter) -> None:
    target, partial = into / file.path, into / PARTIAL / file.path
    if target.is_file() and file.bytes in (None, target.stat().st_size):
        meter.add(target.stat().st_size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if cached := _cached(hub, repo, commit, file):
        partial.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cached, partial)
    download(hub.url(repo, commit, file.path), hub.headers, partial, file.bytes, meter.add)
    partial.replace(target)


def _cached(hub: Hub, repo: str, commit: str, file: RemoteFile) -> Path | None:
    """Find a file in the user's Hugging Face cache; a damaged one counts as none."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo, file.path, revision=commit)
    if not isinstance(path, str) or not file.digest or hub.scheme != "hf":
        return None
    try:
        check(Path(path), file.digest, file.bytes)
    except ZooError:
        return None
    return Path(path)


def _knock(hub: Hub) -> None:
    """Fail at once where nobody answers: `list_models` goes on trying for over 20 seconds."""
    from huggingface_hub import get_session

    get_session().head(f"{hub.endpoint}/api/models", params={"limit": 1}, headers=hub.headers, timeout=TIMEOUT)


def _no_revision(hub: Hub, repo: str, revision: str) -> ZooError:
    refs = hub.api.list_repo_refs(repo)
    return ZooError(
        f"{repo} on {hub.endpoint} has no revision {revision!r}",
        near(revision, [ref.name for ref in (*refs.branches, *refs.tags)]),
    )
