"""The download of one file, which goes on where it broke."""

from __future__ import annotations

from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

from registry.sources.parts import Report, part_beside
from registry.sources.tfhub.web import length_of, open_url

READ_BYTES = 2**18


def download(url: str, target: Path, report: Report) -> None:
    """Download to `<target>.part`, from where it ends if its ETag in `<target>.etag` is current, and rename it."""
    part, mark = part_beside(target), target.with_name(f"{target.name}.etag")
    etag = mark.read_text() if mark.exists() and part.exists() else ""
    start = part.stat().st_size if etag else 0
    try:
        response = open_url(url, {"Range": f"bytes={start}-", "If-Range": etag} if start else {})
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
    length = length_of(response)
    done = start
    with part.open("ab" if start else "wb") as writer:
        while block := response.read1(READ_BYTES):
            done += writer.write(block)
            report(done)
    if length is not None and done != start + length:
        raise ConnectionError(f"it ended after {done} of {start + length} bytes")
