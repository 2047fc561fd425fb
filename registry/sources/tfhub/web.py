"""Answers of web servers: asking for one, and what its headers say."""

from __future__ import annotations

import base64
import re
import urllib.request as web
from http.client import HTTPResponse
from typing import cast

TIMEOUT = 30.0  # seconds without a byte


def open_url(url: str, headers: dict[str, str] | None = None, *, follow: bool = True) -> HTTPResponse:
    """Open a URL of http or https; a redirect to another scheme is refused, since no other is known here."""
    opener = web.OpenerDirector()
    kinds = [web.ProxyHandler, web.HTTPHandler, web.HTTPSHandler, web.HTTPDefaultErrorHandler, web.HTTPErrorProcessor]
    for kind in [*kinds, web.UnknownHandler, *([web.HTTPRedirectHandler] if follow else [])]:
        opener.add_handler(kind())
    return cast(HTTPResponse, opener.open(web.Request(url, headers=headers or {}), timeout=TIMEOUT))


def length_of(response: HTTPResponse) -> int | None:
    """Read how many bytes an answer has, where it says so."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def md5_of(response: HTTPResponse) -> str:
    """Read the md5 of `x-goog-hash` (https://cloud.google.com/storage/docs/xml-api/reference-headers)."""
    hashes = ",".join(response.headers.get_all("x-goog-hash", []))
    found = re.search(r"md5=([A-Za-z0-9+/]{22}==)", hashes)
    return f"md5:{base64.b64decode(found[1]).hex()}" if found else ""
