"""Kaggle's API for models as `kagglesdk` 0.1 calls it, and the storage that it redirects downloads to.

The client has fixed addresses, `http://localhost` for `KAGGLE_API_ENVIRONMENT=LOCALHOST`; so this server stands in as
its HTTP proxy (`environment`).
"""

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
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

SERVICE = "/api/v1/models.ModelApiService/"
OFF = ("no_proxy", "NO_PROXY", "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_KERNEL_RUN_TYPE")

Json = dict[str, Any]


@dataclass
class Variation:
    """A variation's versions, each with its files; the newest has the highest number."""

    framework: str
    slug: str
    versions: dict[int, dict[str, bytes]]
    license: str = "Apache 2.0"

    def json(self) -> Json:
        newest = max(self.versions)
        size = sum(map(len, self.versions[newest].values()))
        return {
            "id": 7, "slug": self.slug, "framework": self.framework, "versionNumber": newest,
            "licenseName": self.license, "totalUncompressedBytes": size, "overview": "about this variation",
        }  # fmt: skip


@dataclass
class Model:
    """A model: its `ref` is owner/model."""

    ref: str
    variations: list[Variation]
    subtitle: str = ""
    tags: list[str] = field(default_factory=list)
    private: bool = False

    def json(self) -> Json:
        tags = [{"ref": path, "name": path.split(" > ")[-1], "fullPath": path} for path in self.tags]
        variations = [variation.json() for variation in self.variations]
        return {
            "id": 1, "ref": self.ref, "title": self.ref.upper(), "slug": self.ref.split("/")[1], "voteCount": 5,
            "subtitle": self.subtitle, "tags": tags, "instances": variations,
            "updateTime": "2025-03-04T05:06:07.8901234Z",
        }  # fmt: skip


@dataclass
class Hub:
    """What the server holds, and how it fails.

    Attributes:
        port: where it listens.
        models: in the order of their downloads.
        token: what a private model asks for.
        asked: method, path and `Range` or body of every request.
        answers: a request's name to a status and a body that are sent instead.
        drop_after: how many bytes of the next download to send before the connection is cut; None for all.
        ranges: whether the storage understands `Range`.
        spoiled: whether it sends other bytes than its md5 says.
        zipped: files that are sent as a zip file of themselves: path to that zip file.
        bare: whether the search leaves variations out.
    """

    port: int = 0
    models: list[Model] = field(default_factory=list)
    token: str = "secret"
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    drop_after: int | None = None
    ranges: bool = True
    spoiled: bool = False
    zipped: dict[str, bytes] = field(default_factory=dict)
    bare: bool = False


class _AnswerError(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self) -> None:
        name = urlsplit(self.path).path.removeprefix(SERVICE)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.hub.asked.append(("POST", name, body))
        if name in self.hub.answers:
            status, content = self.hub.answers[name]
            kind = "application/json" if content.startswith((b"{", b"[")) else "text/html"
            return self._send(status, {"Content-Type": kind}, content)
        try:
            answer = getattr(self, f"_{name}")(json.loads(body))
        except _AnswerError as error:
            code, message = error.args
            return self._json({"code": code, "message": message}, code)
        return None if answer is None else self._json(answer)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(("GET", path, self.headers.get("Range", "")))
        assert "Authorization" not in self.headers, "credentials went to the storage"
        found = re.fullmatch(r"/kaggle-models-data/([^/]+/[^/]+)/([^/]+)/([^/]+)/(\d+)/(.+)", path)
        assert found
        framework, slug, version = found[2], found[3], int(found[4])
        model = next(model for model in self.hub.models if model.ref == found[1])
        variation = next(item for item in model.variations if (item.framework, item.slug) == (framework, slug))
        zipped = self.hub.zipped.get(found[5].removesuffix(".zip"))
        self._download(variation.versions[version][found[5]] if zipped is None else zipped)

    def _GetModel(self, ask: Json) -> Json:  # noqa: N802
        return self._model(ask).json()

    def _GetModelInstance(self, ask: Json) -> Json:  # noqa: N802
        return self._variation(ask).json()

    def _ListModels(self, ask: Json) -> Json:  # noqa: N802
        assert ask["sortBy"] == "LIST_MODELS_ORDER_BY_DOWNLOAD_COUNT"
        found = [model for model in self.hub.models if ask.get("search", "") in model.ref and not model.private]
        items, more = self._page(ask, found)
        bare: Json = {"instances": []} if self.hub.bare else {}
        return {"models": [{**model.json(), **bare} for model in items], "totalResults": len(found), **more}

    def _ListModelInstanceVersionFiles(self, ask: Json) -> Json:  # noqa: N802
        items, more = self._page(ask, sorted(self._version(ask).items()))
        return {"files": [{"name": name, "size": len(content)} for name, content in items], **more}

    def _DownloadModelInstanceVersion(self, ask: Json) -> None:  # noqa: N802
        path = ask["path"]
        if path not in self._version(ask):
            raise _AnswerError(404, "Not found")
        place = "/".join(
            str(ask[key]) for key in ("ownerSlug", "modelSlug", "framework", "instanceSlug", "versionNumber")
        )
        path += ".zip" if path in self.hub.zipped else ""
        self._send(
            302, {"Location": f"http://127.0.0.1:{self.hub.port}/kaggle-models-data/{place}/{quote(path)}?sig=1"}
        )

    def _page(self, ask: Json, items: list[Any]) -> tuple[list[Any], Json]:
        start = int(ask.get("pageToken", "0"))
        end = start + ask["pageSize"]
        return items[start:end], {"nextPageToken": str(end)} if end < len(items) else {}

    def _model(self, ask: Json) -> Model:
        ref = f"{ask['ownerSlug']}/{ask['modelSlug']}"
        model = next((model for model in self.hub.models if model.ref == ref), None)
        if model is None:
            raise _AnswerError(404, "Model not found")
        given = self.headers.get("Authorization", "")
        if given not in ("", f"Bearer {self.hub.token}"):
            raise _AnswerError(401, "Unauthenticated")
        if model.private and not given:
            raise _AnswerError(403, "Permission 'models.get' was denied")
        return model

    def _variation(self, ask: Json) -> Variation:
        wanted = ask["framework"], ask["instanceSlug"]
        for variation in self._model(ask).variations:
            if (variation.framework, variation.slug) == wanted:
                return variation
        raise _AnswerError(404, "Instance not found")

    def _version(self, ask: Json) -> dict[str, bytes]:
        versions = self._variation(ask).versions
        if ask["versionNumber"] not in versions:
            raise _AnswerError(404, "Version not found")
        return versions[ask["versionNumber"]]

    def _download(self, content: bytes) -> None:
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        headers = {"x-goog-hash": f"crc32c=AAAAAA==,md5={md5}", "Accept-Ranges": "bytes"}
        if self.hub.spoiled:
            content = bytes(len(content))
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        status = 206 if wanted and self.hub.ranges else 200
        if wanted and status == 206:
            headers["Content-Range"] = f"bytes {wanted[1]}-{len(content) - 1}/{len(content)}"
            content = content[int(wanted[1]) :]
        self._send(status, headers, content, drop=True)

    def _json(self, body: Json, status: int = 200) -> None:
        self._send(
            status, {"Content-Type": "application/json", "X-Kaggle-HubVersion": "99.0.0"}, json.dumps(body).encode()
        )

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"", drop: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if drop and self.hub.drop_after is not None and len(body) > self.hub.drop_after:
            body, self.hub.drop_after = body[: self.hub.drop_after], None
        with suppress(ConnectionError):  # who asked has seen enough
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Return the variables that lead the client here, without anybody's credentials; those of `OFF` must be unset."""
    proxy = f"http://127.0.0.1:{hub.port}"
    return {
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST", "KAGGLE_CONFIG_DIR": str(home), "HOME": str(home),
        "http_proxy": proxy, "HTTP_PROXY": proxy,
    }  # fmt: skip


@contextmanager
def serve() -> Iterator[Hub]:
    """Run the server on a free port of loopback."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
