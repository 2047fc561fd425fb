"""OCI registries: models as artifacts by the ModelPack specification (`registry/sources/oci/modelpack.py`)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from registry.blobs import entry_of
from registry.card import CARD_FILE, MAX_CARD_BYTES, Card, FileEntry, decode
from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.oci.distribution import Repository
from registry.sources.oci.modelpack import Manifest, about, digest_of, files_of, manifest_of, read_manifest, revision_in
from registry.sources.parts import take
from registry.sources.remote import Found, Listing, Pushed, RemoteFile
from registry.watch import Progress, Watch

MAX_CONFIG_BYTES = 2**20
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
EXAMPLE = "oci://host:5000/team/name:v1"


class OCI:
    """Pulls, pushes and searches models in OCI registries."""

    def resolve(self, ref: Ref) -> Listing:
        """Return what a tag (`latest` where none is named) or digest stands for, pinned to the manifest's digest."""
        with _repository(ref) as repository:
            content, digest = repository.manifest(ref.revision or "latest")
            return _listing(ref.at(digest), repository, read_manifest(content, str(ref)))

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download layers as files; half ones are continued."""
        with _repository(listing.ref) as repository:

            def blocks(file: RemoteFile, start: int) -> Iterator[bytes]:
                return repository.blob(file.digest, start, file.bytes or 0)

            take(files, into, watch, blocks)

    def push(
        self, folder: Path, card: Card, ref: Ref, *, tag: str | None = None, private: bool = False, watch: Watch
    ) -> Pushed:
        """Publish a folder under the reference's tag, or under the revision's first 12 characters and `latest`.

        As with Docker, a tag that exists moves; what it named stays and is found by its digest. Who may see a
        repository is the registry's own business, so `private` changes nothing.
        """
        entries = [entry_of(folder, path.relative_to(folder).as_posix()) for path in _files(folder)]
        tags = _tags(revision_in(entries), ref, tag)
        config, manifest = manifest_of(card, entries)
        with _repository(ref) as repository:
            _upload(repository, folder, entries, watch)
            if not repository.has(digest_of(config)):
                repository.upload(digest_of(config), len(config), io.BytesIO(config))
            for name in tags:  # only now does anything of the revision become visible
                repository.put_manifest(manifest, name)
        return Pushed(ref.at(digest_of(manifest)), str(ref.at(tags[0])))

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """Return the models of a registry whose repositories' names hold all words."""
        if not place:
            raise ZooError("an OCI registry is searched by its address", "zoo search WORD --in oci://localhost:5000")
        words = query.lower().split()
        found: list[Found] = []
        with Repository(place) as registry:
            names = registry.repositories()
        for name in names:
            if all(word in name.lower() for word in words) and (line := self._found(f"{place}/{name}")):
                found.append(line)
            if len(found) == limit:
                break
        return found

    def _found(self, name: str) -> Found | None:
        ref = Ref(name, None, "oci")
        try:
            listing = self.resolve(ref)
        except ZooError:  # an image, or nothing that is called latest
            return None
        size = sum(file.bytes or 0 for file in listing.files)
        revision = listing.ref.revision or ""
        return Found(
            str(ref), revision, "oci", listing.task, bytes=size, tags=listing.tags, license=listing.license
        )  # fmt: skip


def _repository(ref: Ref) -> Repository:
    host, _, path = ref.name.partition("/")
    return Repository(host, path)


def _listing(ref: Ref, repository: Repository, manifest: Manifest) -> Listing:
    """Describe an artifact by its card, or by its ModelPack configuration where another program made it."""
    files = files_of(manifest, str(ref))
    name = ref.name.rpartition("/")[2]
    card_file = next((file for file in files if file.path == CARD_FILE and not file.archive), None)
    if card_file:
        card = decode(repository.small_blob(card_file.digest, MAX_CARD_BYTES), f"{CARD_FILE} of {ref}")
        return Listing(ref, name, files, card.task, card.license, card.summary, card.tags)
    if manifest.config is None or not manifest.config.is_configuration:
        return Listing(ref, name, files)
    said = about(repository.small_blob(manifest.config.digest, MAX_CONFIG_BYTES))
    return Listing(ref, name, files, license=" OR ".join(said.licenses), summary=said.description)


def _tags(revision: str, ref: Ref, tag: str | None) -> list[str]:
    named = [ref.revision] if ref.revision else [revision[:12], "latest"]
    tags = list(dict.fromkeys([*named, *([tag] if tag else [])]))
    for name in tags:
        if not TAG.fullmatch(name):
            raise ZooError(f"{name!r} is no tag: expected 1 to 128 letters, digits, '.', '_' or '-'", EXAMPLE)
    repository = ref.name.partition("/")[2]
    if repository != repository.lower():
        raise ZooError(
            f"{repository!r} cannot be pushed to: an OCI repository's name is in lower case",
            f"try {repository.lower()}",
        )
    return tags


def _upload(repository: Repository, folder: Path, entries: Sequence[FileEntry], watch: Watch) -> None:
    """Upload the files whose content the repository does not have yet."""
    progress = Progress(watch, "upload", sum(entry.bytes for entry in entries))
    for entry in entries:
        digest = f"sha256:{entry.sha256}"
        if repository.has(digest):
            progress.add(entry.bytes, entry.path)
            continue
        with _Told(folder, entry.path, progress) as file:
            repository.upload(digest, entry.bytes, file)


class _Told(io.FileIO):
    """A file being read, with the progress told."""

    def __init__(self, folder: Path, path: str, progress: Progress) -> None:
        super().__init__(folder / path)
        self._path = path
        self._progress = progress
        self._told = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes; those that are read again, after the registry asked for a login, are not told again."""
        block = super().read(-1 if size is None else size) or b""
        new = max(self.tell() - self._told, 0)
        self._told += new
        self._progress.add(new, self._path)
        return block


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
