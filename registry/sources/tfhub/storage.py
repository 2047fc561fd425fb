"""A module as a folder of a Cloud Storage bucket, read through the JSON API."""

from __future__ import annotations

import base64
import os
import re
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

import msgspec

from registry.errors import ZooError
from registry.ref import check_path
from registry.sources.remote import RemoteFile
from registry.sources.tfhub.errors import told
from registry.sources.tfhub.handle import asking
from registry.sources.tfhub.web import open_url

STORAGE = "https://storage.googleapis.com"
MOST_PAGES = 20  # of 1000 files
MOST_ANSWER = 16 * 2**20
FOLDER = re.compile(r"gs://[a-z0-9][a-z0-9._-]+/.+")


def location_of(handle: str) -> str:
    """Ask where a module lies uncompressed: a 303 whose body is `gs://bucket/folder`. Nothing else is followed.

    Raises:
        ZooError: the answer is another one.
    """
    with told(handle):
        try:
            with open_url(asking(handle, "uncompressed"), follow=False) as response:
                got = f"HTTP {response.status}"
        except HTTPError as error:
            if not 300 <= error.code < 400:
                raise
            body = error.read(4096).decode(errors="replace").strip()
            got = body if FOLDER.fullmatch(body) else error.headers.get("Location") or body[:80] or "nothing"
            if error.code == 303 and FOLDER.fullmatch(got):
                return got
    raise ZooError(
        f"{handle} cannot be had uncompressed: expected a 303 that names a gs:// folder, got {got}",
        "unset TFHUB_MODEL_LOAD_FORMAT",
    )


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    size: int
    md5_hash: str = ""


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    items: tuple[_Object, ...] = ()
    next_page_token: str = ""


def files_at(location: str) -> tuple[RemoteFile, ...]:
    """List a folder of a bucket (https://cloud.google.com/storage/docs/json_api/v1/objects/list).

    Raises:
        ZooError: it cannot be listed, or holds no files or too many.
    """
    api, prefix = _bucket(location)
    files: list[RemoteFile] = []
    token = ""
    for _ in range(MOST_PAGES):
        query = {"prefix": prefix} | ({"pageToken": token} if token else {})
        with told(location), open_url(f"{api}?{urlencode(query)}") as response:
            page = msgspec.json.decode(response.read(MOST_ANSWER), type=_Page, strict=False)  # sizes are strings
            files += [_remote(item, prefix) for item in page.items if not item.name.endswith("/")]
        token = page.next_page_token
        if not token:
            break
    if not files or token:
        raise ZooError(f"{location} is no module: it holds {'too many' if token else 'no'} files")
    return tuple(files)


def url_of(location: str, path: str) -> str:
    """Return the URL of a file's content."""
    api, prefix = _bucket(location)
    return f"{api}/{quote(prefix + path, safe='')}?alt=media"


def _bucket(location: str) -> tuple[str, str]:
    host = os.environ.get("STORAGE_EMULATOR_HOST") or STORAGE
    bucket, _, folder = location.removeprefix("gs://").partition("/")
    host = host if "://" in host else f"http://{host}"
    return f"{host.rstrip('/')}/storage/v1/b/{bucket}/o", f"{folder.rstrip('/')}/"


def _remote(item: _Object, prefix: str) -> RemoteFile:
    md5 = base64.b64decode(item.md5_hash).hex()
    return RemoteFile(check_path(item.name.removeprefix(prefix)), item.size, md5 and f"md5:{md5}")
