"""The download of one file from Kaggle.

Not by `kagglehub.model_download`, which cannot go on in a folder of ours, takes any answer for the rest of a file, and
draws its own progress bars.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registry.errors import ZooError
from registry.extras import need
from registry.sources.kaggle.errors import EXTRA
from registry.sources.parts import Report, part_beside
from registry.unpack import unpack

TIMEOUT = (10, 60)  # seconds to connect, and without a byte
READ_BYTES = 2**16


def download(get: Callable[[], Any], target: Path, report: Report) -> None:
    """Save a file as `<target>.part`, from where that ends, check its md5, and rename it.

    Args:
        get: asks for the file from its beginning; a response of `requests`.
        target: where it goes.
        report: is told how many bytes are there.

    Raises:
        ZooError: it came damaged.
    """
    part = part_beside(target)
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
