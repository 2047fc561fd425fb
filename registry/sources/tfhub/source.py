"""The source of the scheme `tfhub`.

As `tensorflow_hub` 0.16 does it: `<handle>?tf-hub-format=compressed` is a tar file, behind redirects;
`<handle>?tf-hub-format=uncompressed` answers 303 with a `gs://` folder, which is read through Cloud Storage's JSON API.
`TFHUB_MODEL_LOAD_FORMAT` chooses (compressed, unless it says UNCOMPRESSED). A module that is in the cache folder of
`tensorflow_hub` is taken from there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.parts import Report, Save, save_missing
from registry.sources.remote import Listing, RemoteFile
from registry.sources.tfhub.cached import cache_folder, copy, paths_in
from registry.sources.tfhub.compressed import archive_of
from registry.sources.tfhub.download import download
from registry.sources.tfhub.errors import told
from registry.sources.tfhub.handle import asking, slug
from registry.sources.tfhub.storage import files_at, location_of, url_of
from registry.watch import Watch


class TFHub:
    """The source of `tfhub://` references."""

    def resolve(self, ref: Ref) -> Listing:
        """Find out what a handle stands for; it holds the version, so it is the pinned reference itself."""
        handle = ref.name
        if not handle.startswith(("https://", "http://")):
            raise ZooError(f"{str(ref)!r} is no handle: expected a URL of http or https", f"tfhub://https://{handle}")
        name = slug(handle)
        if cached := cache_folder(handle):
            files = tuple(RemoteFile(path, (cached / path).stat().st_size) for path in paths_in(cached))
        elif os.environ.get("TFHUB_MODEL_LOAD_FORMAT") == "UNCOMPRESSED":
            files = files_at(location_of(handle))
        else:
            files = (archive_of(handle, f"{name}.tar.gz"),)
        return Listing(ref, name, files)

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download the archive or the files; a broken download goes on if the server has the same bytes still."""
        handle = listing.ref.name
        bring = _bringing(handle, files)

        def save(path: str, target: Path, report: Report) -> None:
            with told(handle, target):
                bring(path, target, report)

        save_missing(files, into, watch, save)


def _bringing(handle: str, files: Sequence[RemoteFile]) -> Save:
    """Choose how a module's files are had."""
    if any(file.archive for file in files):
        return lambda _, target, report: download(asking(handle, "compressed"), target, report)
    if cached := cache_folder(handle):
        return lambda path, target, _: copy(cached / path, target)
    location = location_of(handle)
    return lambda path, target, report: download(url_of(location, path), target, report)
