"""One file over HTTP, going on where an earlier try stopped.

`hf_hub_download` of huggingface_hub 2.4 throws away what an interrupted call left, so the request is made here. Files
in Xet storage come through the hub's plain HTTP, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from registry.errors import ZooError
from registry.sources.hf.errors import class_names

PAUSES = (0.5, 1.0, 2.0)
"""Seconds to wait before each further try; one that brings bytes begins them anew."""


def download(
    url: str, headers: Mapping[str, str], partial: Path, size: int | None, seen: Callable[[int], None]
) -> None:
    """Make `partial` the whole file at `url`.

    Args:
        url: where it lies.
        headers: of each request.
        partial: what is there of it already is kept and counted.
        size: in bytes, as the hub lists it; None where it does not say, and then nothing is kept.
        seen: told how many bytes came; a negative number takes back.

    Raises:
        ZooError: it has another size.
        Exception: as the HTTP library raises it, when all tries failed.
    """
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    start = _usable(partial, size)
    seen(start)
    pauses = list(PAUSES)
    while start != size:
        try:
            _stream(url, headers, partial, start, size, seen)
            break
        except Exception as error:
            if "TransportError" not in class_names(error) or not pauses:
                raise
            before, start = start, _usable(partial, size)
            seen(start - partial.stat().st_size)
            pauses = list(PAUSES) if start > before else pauses
            time.sleep(pauses.pop(0))
    _check(partial, size)


def _usable(partial: Path, size: int | None) -> int:
    there = partial.stat().st_size
    return there if size is not None and there <= size else 0


def _stream(
    url: str, headers: Mapping[str, str], partial: Path, start: int, size: int | None, seen: Callable[[int], None]
) -> None:  # fmt: skip
    from huggingface_hub import constants, hf_raise_for_status
    from huggingface_hub.utils import http_stream_backoff  # type: ignore[attr-defined]  # it is, lazily

    wanted = {"Range": f"bytes={start}-"} if start else {}
    asked = {**headers, "Accept-Encoding": "identity", **wanted}
    wait = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with http_stream_backoff(
        "GET", url, headers=asked, timeout=wait, retry_on_exceptions=(), retry_on_status_codes=(429,)
    ) as response:
        hf_raise_for_status(response)
        if response.status_code != 206:
            seen(-start)
            start = 0
        with partial.open("ab" if start else "wb") as file:
            for block in response.iter_bytes():
                file.write(block)
                seen(len(block))
                if size is not None and file.tell() > size:
                    return  # a hub that never ends would fill the disk


def _check(partial: Path, size: int | None) -> None:
    got = partial.stat().st_size
    if size is not None and got != size:
        partial.unlink()
        raise ZooError(
            f"{partial.name} has another size than the hub lists: expected {size} bytes, got {got}", "try again"
        )
