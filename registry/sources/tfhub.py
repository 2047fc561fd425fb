"""TF Hub modules by their handle, a URL (https://www.tensorflow.org/hub/hosting).

As `tensorflow_hub` 0.16 does it: `<handle>?tf-hub-format=compressed` is a tar file, behind redirects;
`<handle>?tf-hub-format=uncompressed` answers 303 with a `gs://` folder, which is read through Cloud Storage's JSON API.
`TFHUB_MODEL_LOAD_FORMAT` chooses (compressed, unless it says UNCOMPRESSED). A module that is in the cache folder of
`tensorflow_hub`, `$TFHUB_CACHE_DIR/<sha1 of the handle>/`, is taken from there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import ssl
import tempfile
import urllib.request as web
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from registry.errors import ZooError
from registry.ref import Ref, check_name, check_path
from registry.sources.remote import Listing, RemoteFile
from registry.unpack import HEAD_BYTES, kind_of, looks_like_a_page
from registry.watch import Watch

TIMEOUT = 30.0  # seconds without a byte
READ_BYTES = 2**18
STORAGE = "https://storage.googleapis.com"
MOST_PAGES = 20  # of 1000 files
MOST_ANSWER = 16 * 2**20
MOVED = "most of tfhub.dev has moved to Kaggle: zoo search WORDS --in kaggle"
FOLDER = re.compile(r"gs://[a-z0-9][a-z0-9._-]+/.+")


class TFHub:
    """The source of `tfhub://` references."""

    def resolve(self, ref: Ref) -> Listing:
        """Find out what a handle stands for; it holds the version, so it is the pinned reference itself."""
        handle = ref.name
        if not handle.startswith(("https://", "http://")):
            raise ZooError(f"{str(ref)!r} is no handle: expected a URL of http or https", f"tfhub://https://{handle}")
        name = slug(handle)
        if cached := cache_folder(handle):
            files = tuple(RemoteFile(path, (cached / path).stat().st_size) for path in _paths(cached))
        elif os.environ.get("TFHUB_MODEL_LOAD_FORMAT") == "UNCOMPRESSED":
            files = _stored(_location(handle))
        else:
            files = (_archive(handle, f"{name}.tar.gz"),)
        return Listing(ref, name, files)

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download the archive or the files; a broken download goes on if the server has the same bytes still."""
        get = _getter(listing.ref.name, files)
        done, total = 0, sum(file.bytes or 0 for file in files)
        for file in files:
            target = into / file.path
            if not target.exists():  # it appears when it is complete
                with _faults(listing.ref.name, target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    get(file.path, target, partial(_report, watch, file.path, done, total))
            done += target.stat().st_size
            watch("download", done, max(total, done), file.path)


Report = Callable[[int], None]


def _report(watch: Watch, path: str, before: int, total: int, done: int) -> None:
    watch("download", before + done, max(total, before + done), path)


def _getter(handle: str, files: Sequence[RemoteFile]) -> Callable[[str, Path, Report], None]:
    if any(file.archive for file in files):
        return lambda _, target, report: download(_asking(handle, "compressed"), target, report)
    if cached := cache_folder(handle):
        return lambda path, target, _: _copy(cached / path, target)
    api, prefix = _bucket(_location(handle))
    return lambda path, target, report: download(f"{api}/{quote(prefix + path, safe='')}?alt=media", target, report)


def slug(handle: str) -> str:
    """Make a model's name of a handle: the end of its path, without the publisher.

    >>> slug("https://tfhub.dev/google/imagenet/mobilenet_v2_100_96/feature_vector/5")
    'mobilenet_v2_100_96-feature_vector-5'
    >>> slug("https://tfhub.dev/google/spice/2")
    'spice-2'
    """
    segments = [segment for segment in urlsplit(handle).path.split("/") if segment]
    text = re.sub(r"\.(tar\.gz|tgz|tar)$", "", "-".join(segments[1:][-3:] or segments))
    text = re.sub(r"([._-])[._-]+", r"\1", re.sub(r"[^A-Za-z0-9._-]+", "-", text))[:92].strip("._-")
    return check_name(text.removesuffix(".git") or "module")


def cache_folder(handle: str) -> Path | None:
    """Return the folder in which `tensorflow_hub` keeps a module, if it does.

    The default lies in the folder for temporary files, where anybody could put one; so it must be our own.
    """
    chosen = os.environ.get("TFHUB_CACHE_DIR")
    root = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "tfhub_modules"
    folder = root / hashlib.sha1(handle.encode()).hexdigest()
    if not folder.is_dir() or not _paths(folder):
        return None
    ours = chosen or not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    return folder if ours else None


def _paths(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    part.replace(target)


def _asking(handle: str, form: str) -> str:
    parts = urlsplit(handle)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), ("tf-hub-format", form)])))


def _archive(handle: str, path: str) -> RemoteFile:
    with _faults(handle), _open(_asking(handle, "compressed")) as response:
        head = response.read(HEAD_BYTES)
        if kind_of(head) != "tar":
            got = "a web page" if looks_like_a_page(head) else response.headers.get_content_type()
            raise ZooError(f"{handle} is no TF Hub module: expected a tar file, got {got} from {response.url}", MOVED)
        return RemoteFile(path, _length(response), _md5(response), archive=True)


def _location(handle: str) -> str:
    """Ask where a module lies uncompressed: a 303 whose body is `gs://bucket/folder`. Nothing else is followed."""
    with _faults(handle):
        try:
            with _open(_asking(handle, "uncompressed"), follow=False) as response:
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


def _bucket(location: str) -> tuple[str, str]:
    host = os.environ.get("STORAGE_EMULATOR_HOST") or STORAGE
    bucket, _, folder = location.removeprefix("gs://").partition("/")
    host = host if "://" in host else f"http://{host}"
    return f"{host.rstrip('/')}/storage/v1/b/{bucket}/o", f"{folder.rstrip('/')}/"


def _stored(location: str) -> tuple[RemoteFile, ...]:
    """List a folder of a bucket (https://cloud.google.com/storage/docs/json_api/v1/objects/list)."""
    api, prefix = _bucket(location)
    files: list[RemoteFile] = []
    token = ""
    for _ in range(MOST_PAGES):
        query = {"prefix": prefix} | ({"pageToken": token} if token else {})
        with _faults(location), _open(f"{api}?{urlencode(query)}") as response:
            page = msgspec.json.decode(response.read(MOST_ANSWER), type=_Page, strict=False)  # sizes are strings
            files += [_remote(item, prefix) for item in page.items if not item.name.endswith("/")]
        token = page.next_page_token
        if not token:
            break
    if not files or token:
        raise ZooError(f"{location} is no module: it holds {'too many' if token else 'no'} files")
    return tuple(files)


def _remote(item: _Object, prefix: str) -> RemoteFile:
    md5 = base64.b64decode(item.md5_hash).hex()
    return RemoteFile(check_path(item.name.removeprefix(prefix)), item.size, md5 and f"md5:{md5}")


def download(url: str, target: Path, report: Report) -> None:
    """Download to `<target>.part`, from where it ends if its ETag in `<target>.etag` is current, and rename it."""
    part, mark = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.etag")
    etag = mark.read_text() if mark.exists() and part.exists() else ""
    start = part.stat().st_size if etag else 0
    try:
        response = _open(url, {"Range": f"bytes={start}-", "If-Range": etag} if start else {})
    except HTTPError as error:
        if error.code != 416:
            raise
        mark.unlink()  # nothing follows the part: it is complete, or of something else
        return download(url, target, report)
    with response:
        if response.status != 206:
            start = 0
            part.unlink(missing_ok=True)  # before its mark changes
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            mark.unlink()
            raise ConnectionError(f"asked for bytes from {start}, got {response.headers.get('Content-Range')}")
        etag = response.headers.get("ETag", "")
        mark.write_text("" if etag.startswith("W/") else etag)
        _save(response, part, start, report)
    mark.unlink()
    part.replace(target)
    return None


def _save(response: HTTPResponse, part: Path, start: int, report: Report) -> None:
    length = _length(response)
    done = start
    with part.open("ab" if start else "wb") as writer:
        while block := response.read1(READ_BYTES):
            done += writer.write(block)
            report(done)
    if length is not None and done != start + length:
        raise ConnectionError(f"it ended after {done} of {start + length} bytes")


def _open(url: str, headers: dict[str, str] | None = None, *, follow: bool = True) -> HTTPResponse:
    """Open a URL of http or https; a redirect to another scheme is refused, since no other is known here."""
    opener = web.OpenerDirector()
    kinds = [web.ProxyHandler, web.HTTPHandler, web.HTTPSHandler, web.HTTPDefaultErrorHandler, web.HTTPErrorProcessor]
    for kind in [*kinds, web.UnknownHandler, *([web.HTTPRedirectHandler] if follow else [])]:
        opener.add_handler(kind())
    return cast(HTTPResponse, opener.open(web.Request(url, headers=headers or {}), timeout=TIMEOUT))


def _length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _md5(response: HTTPResponse) -> str:
    """Read the md5 of `x-goog-hash` (https://cloud.google.com/storage/docs/xml-api/reference-headers)."""
    hashes = ",".join(response.headers.get_all("x-goog-hash", []))
    found = re.search(r"md5=([A-Za-z0-9+/]{22}==)", hashes)
    return f"md5:{base64.b64decode(found[1]).hex()}" if found else ""


@contextmanager
def _faults(what: str, target: Path | None = None) -> Iterator[None]:
    """Turn what goes wrong on the way into one error."""
    try:
        yield
    except HTTPError as error:
        raise _refusal(what, error) from error
    except (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        hint = "run it again: it goes on where it ended" if target else "is the network up, and the address right?"
        raise ZooError(f"the connection for {what} broke: {reason}", hint) from error
    except ValueError as error:  # also of msgspec and check_path: the server's words
        raise ZooError(f"{what} cannot be read: {error}", MOVED) from error
    except OSError as error:
        raise ZooError(
            f"cannot write {target}: {error.strerror or error}", "is the disk full, or read-only?"
        ) from error


def _refusal(what: str, error: HTTPError) -> ZooError:
    reason, *_ = str(error.reason).split("\n")
    got = f"HTTP {error.code} {reason}".strip()
    error.close()
    if error.code in (404, 410):
        return ZooError(f"there is no {what}: {got}", MOVED)
    if error.code in (401, 403):
        return ZooError(f"the server refuses {what}: {got}", "download it by other means, then zoo pull file:./FOLDER")
    if error.code < 400:
        return ZooError(f"{what} leads nowhere: {got}", MOVED)
    return ZooError(f"the server fails at {what}: {got}", "try again later")
