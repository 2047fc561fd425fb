"""The source of the scheme `kaggle`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.kaggle.address import version_of, where_is
from registry.sources.kaggle.client import service
from registry.sources.kaggle.download import download
from registry.sources.kaggle.listing import files_of, found_of, license_of, models_for, tags_of, task_of
from registry.sources.parts import Report, save_missing
from registry.sources.remote import Found, Listing, RemoteFile
from registry.watch import Watch


class Kaggle:
    """The source of `kaggle://owner/model/framework/variation` references."""

    def resolve(self, ref: Ref) -> Listing:
        """Find out which version a reference names, and its files."""
        asked = version_of(ref)
        with service(str(ref), ref.name) as call:
            where = where_is(ref)
            variation = call("get_model_instance", "ApiGetModelInstanceRequest", **where)
            newest = variation.version_number
            if newest < 1:
                raise ValueError("it has no versions")
            version = asked or newest
            if version > newest:
                hint = f"the newest is kaggle://{ref.name}@{newest}"
                raise ZooError(f"kaggle://{ref.name} has no version {version}", hint)
            files = files_of(call, {**where, "version_number": version})
            owner, slug = where["owner_slug"], where["model_slug"]
            model = call("get_model", "ApiGetModelRequest", owner_slug=owner, model_slug=slug)
        name = f"{slug}-{where['instance_slug']}"[:96].rstrip("._-")
        license = license_of(variation.license_name)
        return Listing(ref.at(str(version)), name, files, task_of(model), license, model.subtitle, tags_of(model))

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download files one by one; a broken one goes on where it ended, since a version never changes."""
        ref = listing.ref
        with service(str(ref), ref.name, into) as call:
            get = partial(call, "download_model_instance_version", "ApiDownloadModelInstanceVersionRequest")
            where = {**where_is(ref), "version_number": version_of(ref)}

            def save(path: str, target: Path, report: Report) -> None:
                download(partial(get, **where, path=path), target, report)

            save_missing(files, into, watch, save)

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """List variations of the models that fit, those of the most downloaded model first.

        Where there are more than `limit`, every model's first variation is taken before any second one.
        """
        with service("the search") as call:
            found = [
                (depth, rank, found_of(model, variation))
                for rank, model in enumerate(models_for(call, query, limit))
                for depth, variation in enumerate(model.instances)
                if variation.framework.value  # else nothing names it
            ]
        chosen = sorted(found, key=lambda item: item[:2])[:limit]
        return [item for _, _, item in sorted(chosen, key=lambda item: (item[1], item[0]))]
