"""A module server as `tensorflow_hub` knows them, and the part of Cloud Storage's JSON API that reads a folder."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

PAGE_ITEMS = 2


@dataclass
class Hub:
    """What the server holds, and how it fails.

    Attributes:
        url: its address.
        archives: a handle's path to its tar file.
        folders: a handle's path to what the 303 says, `gs://bucket/folder`.
        objects: `bucket/name` to content.
        pages: a path to a status, headers and a body.
        asked: path and `Range` of every request.
        drop_after: how many bytes of the next download to send before the connection is cut; None for all.
        ranges: whether `Range` is understood.
    """

    url: str = ""
    archives: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    drop_after: int | None = None
    ranges: bool = True


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        hub.asked.append((self.path, self.headers.get("Range", "")))
        form = query.get("tf-hub-format")
        if parts.path in hub.pages:
            self._send(*hub.pages[parts.path])
        elif form == "compressed" and parts.path in hub.archives:
            self._send(302, {"Location": f"/files{parts.path}"})  # as tfhub.dev does
        elif form == "uncompressed" and parts.path in hub.folders:
            self._send(303, {}, hub.folders[parts.path].encode())
        elif parts.path.removeprefix("/files") in hub.archives:
            self._download(hub.archives[parts.path.removeprefix("/files")])
        elif match := re.fullmatch(r"/storage/v1/b/([^/]+)/o(?:/(.+))?", parts.path):
            self._storage(match[1], match[2], query)
        else:
            self._send(404, {}, b"no such module")

    def _storage(self, bucket: str, name: str | None, query: dict[str, str]) -> None:
        if name:
            content = self.hub.objects.get(f"{bucket}/{unquote(name)}")
            return self._send(404, {}) if content is None else self._download(content)
        prefix = f"{bucket}/{query['prefix']}"
        names = sorted(key for key in self.hub.objects if key.startswith(prefix))
        start = int(query.get("pageToken", "0"))
        chosen = {key: self.hub.objects[key] for key in names[start : start + PAGE_ITEMS]}
        items = [
            {"name": key.removeprefix(f"{bucket}/"), "size": str(len(content)), "md5Hash": md5(content), "kind": "x"}
            for key, content in chosen.items()
        ]
        more = {"nextPageToken": str(start + PAGE_ITEMS)} if start + PAGE_ITEMS < len(names) else {}
        return self._send(200, {}, json.dumps({"items": items, **more}).encode())

    def _download(self, content: bytes) -> None:
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        headers = {"ETag": etag, "x-goog-hash": f"crc32c=AAAAAA==,md5={md5(content)}"}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not wanted or not self.hub.ranges or self.headers.get("If-Range", etag) != etag:
            return self._send(200, headers, content, drop=True)
        start = int(wanted[1])
        if start >= len(content):
            return self._send(416, {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206, headers, content[start:], drop=True)

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"", drop: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if drop and len(body) > 512 and self.hub.drop_after is not None:
            body, self.hub.drop_after = body[: self.hub.drop_after], None
        with suppress(ConnectionError):  # who asked has seen enough
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


@contextmanager
def serve() -> Iterator[Hub]:
    """Run the server on a free port of loopback."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
