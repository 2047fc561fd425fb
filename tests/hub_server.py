"""A model hub on loopback that speaks the wire protocol of the Hugging Face Hub, as `huggingface_hub` uses it.

Models and data sets, by one name each, in memory, without Xet: repos with immutable commits, branches and tags, large
files through Git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, transfer `basic`). The rest of
the protocol is that of https://huggingface.co/.well-known/openapi.json.

    with HubServer() as hub:
        commit = hub.add("org/name", {"README.md": b"..."})
        hub.url, hub.requests
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hub_pages import ROUTES
from hub_repos import Files, HubError, Repo


class HubServer:
    """The hub; `with` starts and stops it.

    Attributes:
        url: its address.
        token: who sends it may read and write all.
        read_token: who sends it may read all.
        requests: method, path with query, and headers of all requests so far.
        drop_after: close the connection after that many bytes of the next file; then it is None again.
        corrupt: the path of a file that is served with other bytes of the same length.
        ranges: whether parts of files are served.
        refuse: answers of the next requests, in their order.
    """

    token = "hf_write"
    read_token = "hf_read"

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.moved: dict[str, str] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.drop_after: int | None = None
        self.corrupt = ""
        self.ranges = True
        self.refuse: list[HubError] = []
        self.connections: list[socket.socket] = []
        self.lock = threading.Lock()  # one change at a time
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Request,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def add(self, name: str, files: Files, *, branch: str = "main", **about: Any) -> str:
        """Commit files on a branch of a repo, which is made where there is none; return the commit."""
        repo = self.repos.setdefault(name, Repo())
        for key, value in about.items():
            setattr(repo, key, value)
        before = repo.branches.get(branch) or repo.branches.get("main")
        return repo.commit(branch, {**(repo.commits[before] if before else {}), **files})

    def tag(self, name: str, label: str, revision: str = "main") -> None:
        """Give a commit a tag."""
        self.repos[name].labels[label] = self.repos[name].find(revision) or ""

    def rename(self, old: str, new: str) -> None:
        """Move a repo; its old name redirects to the new one."""
        self.repos[new] = self.repos.pop(old)
        self.moved[old] = new


class Request(BaseHTTPRequestHandler):
    """One request: routed by method and path to a function of `hub_pages`, whose return value is sent as JSON."""

    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.hub.connections.append(self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.hub.requests.append((self.command, self.path, dict(self.headers)))
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        try:
            if self.hub.refuse:
                raise self.hub.refuse.pop(0)
            with self.hub.lock if self.command == "POST" else nullcontext():
                self._route(url.path)
        except HubError as refusal:
            code = {"X-Error-Code": refusal.code} if refusal.code else {}
            self.answer({"error": refusal.words}, refusal.status, code)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _route(self, path: str) -> None:
        for old, new in self.hub.moved.items():
            if f"{path}/".startswith((f"/api/models/{old}/", f"/{old}/")):
                return self.answer({}, 307, {"Location": self.path.replace(old, new)})
        for pattern, serve in ROUTES:
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                return self.answer(serve(self, *map(unquote, match.groups())))
        raise HubError(404, words="no such page")

    def answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send JSON, or nothing where the value is None: the answer is out already."""
        if value is not None:
            self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send bytes, or as many as `drop_after` of a file allows."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.drop_after is not None and "ETag" in (headers or {}):
            content, self.hub.drop_after, self.close_connection = content[: self.hub.drop_after], None, True
        self.wfile.write(content)

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    @property
    def form(self) -> dict[str, list[str]]:
        """What a form, or JSON, says."""
        if self.headers.get("Content-Type", "").startswith("application/json"):
            return {key: value if isinstance(value, list) else [value] for key, value in self.json.items()}
        return parse_qs(self.body.decode())

    def token(self) -> str:
        """Return the token sent, or ''; a wrong one is refused."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in ("", self.hub.token, self.hub.read_token):
            raise HubError(401, words="Invalid credentials in Authorization header")
        return token

    def writer(self) -> None:
        """Refuse who may not write."""
        if not self.token():
            raise HubError(401, words="Invalid username or password.")
        if self.token() != self.hub.token:
            raise HubError(403, words="You don't have the rights to write here")

    def repo(self, name: str) -> Repo:
        """Return a repo; private ones exist for those with a token only."""
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and not self.token()):
            raise HubError(404, "RepoNotFound", "Repository not found")
        return repo

    def commit(self, name: str, revision: str) -> tuple[Repo, str, Files]:
        """Return a repo, a commit of it and the commit's files."""
        repo = self.repo(name)
        sha = repo.find(revision)
        if sha is None:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo, sha, repo.commits[sha]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub that `hf://` means, for this process and those that it starts; nobody is logged in, nothing is cached.

    `huggingface_hub` reads most of its environment when it is imported, hence the second half.
    """
    from huggingface_hub import constants

    home = tmp_path / "hf"
    with HubServer() as server:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN_PATH"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(home))
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(home / "stored_tokens"))
        yield server
