"""Kaggle's models, through the API client of `kagglehub` (https://github.com/Kaggle/kagglehub).

The client brings the address, the credentials (`KAGGLE_API_TOKEN`, `KAGGLE_USERNAME` and `KAGGLE_KEY`, `~/.kaggle`) and
the calls. Files are saved here and not by `kagglehub.model_download`, which cannot go on in a folder of ours, takes any
answer for the rest of a file, and draws its own progress bars.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registry.errors import ZooError, near
from registry.extras import need
from registry.ref import Ref, check_path
from registry.sources.remote import Found, Listing, RemoteFile
from registry.unpack import unpack
from registry.watch import Watch

EXTRA = "kaggle"
TIMEOUT = (10, 60)  # seconds to connect, and without a byte
READ_BYTES = 2**16
PAGE = 50
SETTINGS = "https://www.kaggle.com/settings"
LICENSES = {"CC0: Public Domain": "cc0-1.0", "GPL 2": "gpl-2.0", "GPL 3": "gpl-3.0"}

Call = Callable[..., Any]  # (method, request's type, its fields) -> the answer
Report = Callable[[int], None]


class Kaggle:
    """The source of `kaggle://owner/model/framework/variation` references."""

    def resolve(self, ref: Ref) -> Listing:
        """Find out which version a reference names, and its files."""
        asked = _version(ref)
        with _service(str(ref), ref.name) as call:
            where = _where(ref)
            variation = call("get_model_instance", "ApiGetModelInstanceRequest", **where)
            newest = variation.version_number
            if newest < 1:
                raise ValueError("it has no versions")
            version = asked or newest
            if version > newest:
                hint = f"the newest is kaggle://{ref.name}@{newest}"
                raise ZooError(f"kaggle://{ref.name} has no version {version}", hint)
            files = _files(call, **where, version_number=version)
            owner, slug = where["owner_slug"], where["model_slug"]
            model = call("get_model", "ApiGetModelRequest", owner_slug=owner, model_slug=slug)
        name = f"{slug}-{where['instance_slug']}"[:96].rstrip("._-")
        tags = tuple(tag.name for tag in model.tags if tag.name)
        license = license_of(variation.license_name)
        return Listing(ref.at(str(version)), name, files, _task(model), license, model.subtitle, tags)

    def fetch(self, listing: Listing, files: Sequence[RemoteFile], into: Path, watch: Watch) -> None:
        """Download files one by one; a broken one goes on where it ended, since a version never changes."""
        ref = listing.ref
        done, total = 0, sum(file.bytes or 0 for file in files)
        with _service(str(ref), ref.name, into) as call:
            get = partial(call, "download_model_instance_version", "ApiDownloadModelInstanceVersionRequest")
            where = {**_where(ref), "version_number": _version(ref)}
            for file in files:
                target = into / file.path
                if not target.exists():  # it appears when it is complete
                    target.parent.mkdir(parents=True, exist_ok=True)
                    report = partial(_report, watch, file.path, done, total)
                    _download(partial(get, **where, path=file.path), target, report)
                done += target.stat().st_size
                watch("download", done, max(total, done), file.path)

    def search(self, query: str, limit: int, place: str = "") -> list[Found]:
        """List variations of the models that fit, those of the most downloaded model first.

        Where there are more than `limit`, every model's first variation is taken before any second one.
        """
        with _service("the search") as call:
            found = [
                (depth, rank, _found(model, variation))
                for rank, model in enumerate(_models(call, query, limit))
                for depth, variation in enumerate(model.instances)
                if variation.framework.value  # else nothing names it
            ]
        chosen = sorted(found, key=lambda item: item[:2])[:limit]
        return [item for _, _, item in sorted(chosen, key=lambda item: (item[1], item[0]))]


def license_of(name: str) -> str:
    """Write one of Kaggle's licences as the Hugging Face Hub does.

    >>> license_of("Apache 2.0"), license_of("CC0: Public Domain"), license_of("Attribution 4.0 (CC BY 4.0)")
    ('apache-2.0', 'cc0-1.0', 'cc-by-4.0')
    """
    short = re.search(r"\((CC [^)]+)\)", name)
    return LICENSES.get(name) or (short[1] if short else name).lower().replace(" ", "-")


def _version(ref: Ref) -> int | None:
    if ref.revision is None:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,8}", ref.revision):
        return int(ref.revision)
    raise ZooError(
        f"{str(ref)!r}: expected a version's number behind the @, got {ref.revision!r}",
        f"kaggle://{ref.name}@1, or without @ for the newest",
    )


def _where(ref: Ref) -> dict[str, Any]:
    owner, model, framework, variation = ref.name.split("/")
    enum, known = need("kagglehub.enum", EXTRA), need("kagglesdk.models.types.model_enums", EXTRA).ModelFramework
    try:
        kind = enum.to_enum(known, framework)
    except ValueError as error:
        names = [enum.enum_to_str(item) for item in known if item.value]
        raise ZooError(f"{str(ref)!r}: Kaggle has no framework {framework!r}", near(framework, names)) from error
    return {"owner_slug": owner, "model_slug": model, "framework": kind, "instance_slug": variation}


def _files(call: Call, **where: Any) -> tuple[RemoteFile, ...]:
    pages = _pages(call, "list_model_instance_version_files", "ApiListModelInstanceVersionFilesRequest", where)
    return tuple(RemoteFile(check_path(file.name), file.size) for page in pages for file in page.files)


def _models(call: Call, query: str, limit: int) -> list[Any]:
    order = need("kagglesdk.models.types.model_enums", EXTRA).ListModelsOrderBy.LIST_MODELS_ORDER_BY_DOWNLOAD_COUNT
    models: list[Any] = []
    for page in _pages(call, "list_models", "ApiListModelsRequest", {"search": query, "sort_by": order}):
        models += page.models
        if len(models) >= limit:
            break
    return [model if model.instances else _with_variations(call, model) for model in models[:limit]]


def _with_variations(call: Call, model: Any) -> Any:
    owner, _, slug = model.ref.partition("/")
    return call("get_model", "ApiGetModelRequest", owner_slug=owner, model_slug=slug)


def _pages(call: Call, method: str, request: str, fields: dict[str, Any]) -> Iterator[Any]:
    token = ""
    while True:
        page = call(method, request, **fields, page_size=PAGE, **({"page_token": token} if token else {}))
        yield page
        if page.next_page_token in ("", token):
            return
        token = page.next_page_token


def _found(model: Any, variation: Any) -> Found:
    framework = need("kagglehub.enum", EXTRA).enum_to_str(variation.framework)
    return Found(
        f"kaggle://{model.ref}/{framework}/{variation.slug}",
        str(variation.version_number or ""),
        "kaggle",
        _task(model),
        bytes=variation.total_uncompressed_bytes or None,
        tags=tuple(tag.name for tag in model.tags if tag.name),
        updated=model.update_time.date().isoformat() if model.update_time else "",
        license=license_of(variation.license_name),
    )


def _task(model: Any) -> str:
    """Read the task from a tag such as `task > computer vision > image classification`."""
    paths = [(tag.full_path or "").split(" > ") for tag in model.tags]
    return next((path[-1].replace(" ", "-") for path in paths if path[0] == "task"), "")


def _report(watch: Watch, path: str, before: int, total: int, done: int) -> None:
    watch("download", before + done, max(total, before + done), path)


def _download(get: Callable[[], Any], target: Path, report: Report) -> None:
    """Save a file as `<target>.part`, from where that ends, check its md5, and rename it."""
    part = target.with_name(f"{target.name}.part")
    with get() as response:
        plain = "Content-Encoding" not in response.headers  # else its length and md5 are not those of the file
        length = int(response.headers.get("Content-Length", 0)) if plain else 0
        start = part.stat().st_size if part.exists() and response.headers.get("Accept-Ranges") == "bytes" else 0
        if 0 < start < length:
            _continue(response, part, start, report)
        elif not length or start != length:
            _save(response, part, "wb", report)
        if length and part.stat().st_size != length:
            raise need("requests", EXTRA).ConnectionError(f"got {part.stat().st_size} of {length} bytes")
        if plain:
            _check(response.headers.get("x-goog-hash", ""), part, target.name)
    if urlsplit(response.url).path.endswith(f"/{target.name}.zip"):
        _unzip(part, target)  # some files are sent as a zip file of themselves
    else:
        part.replace(target)


def _continue(response: Any, part: Path, start: int, report: Report) -> None:
    requests = need("requests", EXTRA)
    headers = {"Range": f"bytes={start}-"}
    with requests.get(response.url, stream=True, timeout=TIMEOUT, headers=headers) as rest:
        if rest.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return _save(rest, part, "ab", report)
    return _save(response, part, "wb", report)


def _save(response: Any, part: Path, mode: str, report: Report) -> None:
    with part.open(mode) as writer:
        for block in response.iter_content(READ_BYTES):
            writer.write(block)
            report(writer.tell())


def _check(hashes: str, part: Path, name: str) -> None:
    """Compare with `x-goog-hash` (https://cloud.google.com/storage/docs/xml-api/reference-headers)."""
    expected = re.search(r"md5=([A-Za-z0-9+/=]+)", hashes)
    if expected is None:
        return
    with part.open("rb") as file:
        got = b64encode(hashlib.file_digest(file, "md5").digest()).decode()
    if expected[1] != got:
        part.unlink()
        raise ZooError(
            f"{name} came damaged and was deleted: expected the md5 {expected[1]}, got {got}", "download it again"
        )


def _unzip(part: Path, target: Path) -> None:
    folder = target.with_name(f"{target.name}.unzipped")
    shutil.rmtree(folder, ignore_errors=True)
    if unpack(part, folder) != [target.name]:
        raise ZooError(f"expected a zip file of {target.name}, got other files")
    (folder / target.name).replace(target)
    folder.rmdir()
    part.unlink()


@contextmanager
def _service(what: str, name: str = "", into: Path | None = None) -> Iterator[Call]:
    """Give a function that calls the API; what goes wrong becomes one error about `what`."""
    clients, requests = need("kagglehub.clients", EXTRA), need("requests", EXTRA)
    types = need("kagglesdk.models.types.model_api_service", EXTRA)
    try:
        client = clients.build_kaggle_client()
    except Exception as error:  # a bad credentials file, or environment variable
        raise ZooError(f"Kaggle's client cannot be used: {error}", "see ~/.kaggle and KAGGLE_*") from error

    def call(method: str, request: str, **fields: Any) -> Any:
        made = getattr(types, request)()
        for field, value in fields.items():
            setattr(made, field, value)
        with redirect_stdout(io.StringIO()):  # it prints that there is a newer version
            return getattr(client.models.model_api_client, method)(made)

    try:
        with client:
            yield call
    except requests.HTTPError as error:
        raise _refusal(what, name, error.response) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "is a newer kagglehub out? pip install -U kagglehub"
        raise ZooError(f"Kaggle's answer for {what} cannot be read: {error!r}", hint) from error
    except requests.RequestException as error:
        hint = "run it again: it goes on where it ended" if into else "is the network up?"
        raise ZooError(f"the connection to Kaggle for {what} broke: {_root(error)}", hint) from error
    except OSError as error:
        raise ZooError(
            f"cannot write to {into}: {error.strerror or error}", "is the disk full, or read-only?"
        ) from error


def _root(error: BaseException) -> BaseException:
    """Return the first fault; `requests` wraps it three times."""
    cause = error.__cause__ or error.__context__
    return _root(cause) if cause else error


def _refusal(what: str, name: str, response: Any) -> ZooError:
    status, reason = _words(response)
    if status == 404:
        return ZooError(f"Kaggle has no {what}: {reason}", "zoo search WORDS --in kaggle")
    if status == 401:
        return ZooError(f"Kaggle does not accept your credentials: {reason}", f"make new ones: {SETTINGS}")
    if status == 403:
        page = "/".join(name.split("/")[:2])
        return ZooError(
            f"Kaggle refuses {what}, or does not have it: {reason}",
            f"accept its licence at https://www.kaggle.com/models/{page} and set KAGGLE_API_TOKEN ({SETTINGS})",
        )
    return ZooError(f"Kaggle fails at {what}: {reason}", "try again later")


def _words(response: Any) -> tuple[int, str]:
    """Read status and reason from an answer, `{"code": 403, "message": "..."}` where it is the API's own."""
    try:
        body = response.json()
        code, message = int(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        code, message = response.status_code, response.reason
    status = response.status_code if response.status_code >= 400 else code
    return status, f"HTTP {status} {message}".strip()
