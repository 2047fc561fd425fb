"""What each of a hub's pages answers; `hub_server` has the server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hub_repos import HubError, is_large, listed, oid_of, tree_entry

if TYPE_CHECKING:
    from hub_server import Request


def whoami(request: Request) -> Any:
    request.writer()
    return {"type": "user", "name": "someone", "orgs": []}


def create(request: Request) -> Any:
    request.writer()
    asked = request.json
    name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
    url = f"{request.hub.url}/{name}"
    if name in request.hub.repos:
        return request.answer({"error": "You already created this model repo", "url": url}, 409)
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    request.hub.add(name, {".gitattributes": b"*.h5 filter=lfs\n"}, private=private)
    return {"url": url, "name": name, "id": name}


def search(request: Request) -> Any:
    words = request.query.get("search", [""])[0].lower().split()
    names = [
        name
        for name, repo in request.hub.repos.items()
        if all(word in name.lower() for word in words) and (not repo.private or request.token())
    ]
    names.sort(key=lambda name: -request.hub.repos[name].downloads)
    found = [(name, request.hub.repos[name]) for name in names[: int(request.query["limit"][0])]]
    return [repo.describe(name, repo.branches["main"]) for name, repo in found]


def info(request: Request, name: str, revision: str = "main") -> Any:
    repo, sha, _ = request.commit(name, revision)
    return repo.describe(name, sha, "blobs" in request.query)


def tree(request: Request, name: str, revision: str, below: str = "") -> Any:
    """List a folder: https://huggingface.co/docs/hub/api, `/tree`."""
    _, _, files = request.commit(name, revision)
    inside = {path: content for path, content in files.items() if path.startswith(f"{below}/" if below else "")}
    if below and not inside:
        raise HubError(404, "EntryNotFound", f"{below} does not exist on {revision}")
    return [tree_entry(path, content) for path, content in sorted(listed(inside, below, recursive(request)).items())]


def recursive(request: Request) -> bool:
    return request.query.get("recursive", ["false"])[0].lower() == "true"


def paths_info(request: Request, name: str, revision: str) -> Any:
    _, _, files = request.commit(name, revision)
    asked = request.form.get("paths", [])
    known = {path: files[path] for path in asked if path in files}
    folders: dict[str, bytes | None] = {
        path: None for path in asked if any(one.startswith(f"{path}/") for one in files)
    }
    return [tree_entry(path, content) for path, content in {**known, **folders}.items()]


def refs(request: Request, name: str) -> Any:
    return request.repo(name).refs


def download(request: Request, name: str, revision: str, path: str) -> None:
    repo, sha, files = request.commit(name, revision)
    if repo.gated and not request.token():
        words = f"Access to model {name} is restricted. You must have access to it and be authenticated to access it."
        raise HubError(403, "GatedRepo", words)
    if path not in files:
        raise HubError(404, "EntryNotFound", "Entry not found")
    content, oid = files[path], oid_of(path, files[path])
    headers = {"X-Repo-Commit": sha, "ETag": f'"{oid}"', "Accept-Ranges": "bytes"}
    if is_large(path, len(content)):
        headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
    if path == request.hub.corrupt:
        content = bytes(255 - byte for byte in content)
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if not wanted or not request.hub.ranges:
        return request.send(content, 200, headers)
    start = int(wanted[1])
    headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return request.send(content[start:], 206, headers)


def preupload(request: Request, name: str, revision: str) -> Any:
    request.writer()
    _, _, files = request.commit(name, revision)
    return {
        "files": [
            {
                "path": (path := file["path"]),
                "uploadMode": "lfs" if is_large(path, file["size"]) else "regular",
                "shouldIgnore": False,
                "oid": oid_of(path, files[path]) if path in files else None,
            }
            for file in request.json["files"]
        ]
    }


def batch(request: Request, name: str) -> Any:
    request.writer()
    request.repo(name)
    objects = request.json["objects"]
    for one in objects:
        if one["oid"] not in request.hub.large:
            place = f"{request.hub.url}/lfs"
            one["actions"] = {"upload": {"href": f"{place}/{one['oid']}"}, "verify": {"href": f"{place}/verify"}}
    return {"transfer": "basic", "objects": objects}


def upload(request: Request, oid: str) -> Any:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise HubError(400, words="the content has another sha256")
    request.hub.large[oid] = request.body
    return {}


def verify(request: Request) -> Any:
    if len(request.hub.large.get(request.json["oid"], b"")) != request.json["size"]:
        raise HubError(404, words="no such object")
    return {}


def commit(request: Request, name: str, branch: str) -> Any:
    request.writer()
    repo = request.repo(name)
    header, *changes = [json.loads(line) for line in request.body.splitlines()]
    if branch not in repo.branches:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {branch}")
    if header["value"].get("parentCommit") not in (None, repo.branches[branch]):
        raise HubError(412, words="A commit has happened since. Please refresh and try again.")
    files = dict(repo.commits[repo.branches[branch]])
    for change in changes:
        key, value = change["key"], change["value"]
        if key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            files[value["path"]] = request.hub.large[value["oid"]]
        elif key == "deletedFile":
            del files[value["path"]]
    sha = repo.commit(branch, files)
    return {"commitOid": sha, "commitUrl": f"{request.hub.url}/{name}/commit/{sha}"}


def label(request: Request, name: str, revision: str) -> Any:
    request.writer()
    repo, sha, _ = request.commit(name, revision)
    if request.json["tag"] in repo.labels:
        raise HubError(409, words="Tag reference exists already")
    repo.labels[request.json["tag"]] = sha
    return {}


def branch(request: Request, name: str, new: str) -> Any:
    request.writer()
    repo, sha, _ = request.commit(name, request.json.get("startingPoint", "main"))
    if new in repo.branches:
        raise HubError(409, words="Reference already exists")
    repo.branches[new] = sha
    return {}


NAME = "([^/]+/[^/]+)"
MODEL = f"/api/models/{NAME}"
DATASET = f"/api/datasets/{NAME}"
ROUTES: list[tuple[str, Callable[..., Any]]] = [
    ("(?:GET|HEAD) /api/models", search),
    ("GET /api/whoami-v2", whoami),
    ("POST /api/validate-yaml", lambda request: {"errors": [], "warnings": []}),
    ("POST /api/repos/create", create),
    (f"GET {MODEL}", info),
    (f"GET {MODEL}/revision/([^/]+)", info),
    (f"GET {MODEL}/refs", refs),
    (f"POST {MODEL}/preupload/([^/]+)", preupload),
    (f"POST {MODEL}/commit/([^/]+)", commit),
    (f"POST {MODEL}/tag/([^/]+)", label),
    (f"POST {MODEL}/branch/([^/]+)", branch),
    (f"GET {DATASET}", info),
    (f"GET {DATASET}/revision/([^/]+)", info),
    (f"GET {DATASET}/tree/([^/]+)", tree),
    (f"GET {DATASET}/tree/([^/]+)/(.+)", tree),
    (f"POST {DATASET}/paths-info/([^/]+)", paths_info),
    (f"(?:GET|HEAD) /datasets/{NAME}/resolve/([^/]+)/(.+)", download),
    (f"(?:GET|HEAD) /{NAME}/resolve/([^/]+)/(.+)", download),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", batch),
    ("POST /lfs/verify", verify),
    ("PUT /lfs/([0-9a-f]{64})", upload),
]
