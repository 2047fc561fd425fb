"""A repository of an OCI registry, over HTTP; logins, tokens and credential helpers are `oras`'s.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md. `oras`'s own transfers are not used: they hold a
file in memory, do not continue a broken download, and go on trying for two minutes where nobody listens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from io import IOBase
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from registry.errors import ZooError, near
from registry.extras import need
from registry.sources.oci.docker import DOCKER, certificate, is_insecure, login
from registry.sources.oci.modelpack import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, digest_of

ACCEPT = ", ".join((MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX))
DOCKER_HUB = {"docker.io": "registry-1.docker.io"}
MAX_MANIFEST_BYTES = 4 * 2**20  # what the distribution specification asks every registry to take
BLOCK_BYTES = 2**16  # what a connection that breaks may take with it
SECONDS = (5, 60)  # to connect, and for the next bytes to come
ATTEMPTS = 3


class Repository:
    """One repository: its manifests, blobs and tags; a context manager that closes its connections.

    Args:
        host: the registry, with its port.
        path: the repository's name within the registry; empty where only the registry itself is asked.
        settings: the folder of Docker's settings.

    Raises:
        ZooError: from every method too: the registry cannot be reached or refuses, with its reason.
    """

    def __init__(self, host: str, path: str = "", settings: Path = DOCKER) -> None:
        auth = need("oras.auth", "oci")
        self._requests = need("requests", "oci")
        self.host = host
        self.path = path
        insecure, verify = is_insecure(host, settings), certificate(host, settings) or True
        self._root = f"{'http' if insecure else 'https'}://{DOCKER_HUB.get(host, host)}"
        self._session = self._requests.Session()
        self._session.verify = verify
        self._session.request = partial(self._session.request, timeout=SECONDS)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # Harbor takes cookies for a browser
        self._auth = auth.get_auth_backend("token", self._session, insecure, verify)
        self._login = login(self._auth, host)
        self._authorization: dict[str, str] = {}

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def manifest(self, reference: str) -> tuple[bytes, str]:
        """Return the bytes and the digest of the manifest that a tag or digest names.

        Raises:
            ZooError: there is none, or the bytes do not have the digest.
        """
        response = self._ask("GET", f"manifests/{reference}", headers={"Accept": ACCEPT}, stream=True)
        if response.status_code == 404:
            response.close()
            raise self._unknown(reference)
        content = self._body(response, MAX_MANIFEST_BYTES)
        expected = reference if ":" in reference else response.headers.get("Docker-Content-Digest", "")
        if expected.startswith("sha256:"):
            self._check(content, expected, "manifest")
        return content, digest_of(content)

    def small_blob(self, digest: str, most: int) -> bytes:
        """Return a blob of at most `most` bytes; raises `ZooError` where it is longer or has another digest."""
        content = self._body(self._ask("GET", f"blobs/{digest}", stream=True), most)
        self._check(content, digest, "blob")
        return content

    def blob(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Yield a blob's bytes from an offset; where the connection breaks, it is made again and goes on.

        Raises:
            ZooError: `ATTEMPTS` connections in a row brought no byte.
        """
        failures = 0
        while start < size:
            try:
                for block in self._rest(digest, start):
                    start, failures = start + len(block), 0
                    yield block
                return
            except self._requests.RequestException as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise ZooError(
                        f"the connection to {self.host} broke at {start} of {size} bytes: {_reason(error)}",
                        "the same command again goes on from there",
                    ) from error

    def has(self, digest: str) -> bool:
        """Say whether the repository has a blob."""
        return bool(self._ask("HEAD", f"blobs/{digest}").status_code == 200)

    def upload(self, digest: str, size: int, content: IOBase) -> None:
        """Upload a blob in one piece: a `POST` asks where to, a `PUT` brings the bytes."""
        begun = self._expect(self._ask("POST", "blobs/uploads/"), 202)
        url = urljoin(self._root, begun.headers.get("Location", ""))
        url += ("&" if "?" in url else "?") + f"digest={digest}"
        # An empty stream would go in chunks, which not every registry takes.
        data = content if size else b""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._failures():
            done = self._send("PUT", url, headers=headers, data=data)
        self._expect(done, 201)

    def put_manifest(self, content: bytes, tag: str) -> None:
        """Make a manifest known under a tag; a tag that exists moves."""
        self._expect(self._ask("PUT", f"manifests/{tag}", headers={"Content-Type": MANIFEST}, data=content), 201)

    def tags(self) -> list[str]:
        """Return the repository's tags; none where there is no repository."""
        return self._names(f"/v2/{self.path}/tags/list", "tags")

    def repositories(self) -> list[str]:
        """Return the names of the registry's repositories."""
        return self._names("/v2/_catalog?n=1000", "repositories")

    def _rest(self, digest: str, start: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        response = self._send("GET", f"{self._root}/v2/{self.path}/blobs/{digest}", headers=headers, stream=True)
        self._expect(response, 200, 206)
        skip = start if response.status_code == 200 else 0  # a registry that knows no ranges
        with response:
            for block in response.iter_content(BLOCK_BYTES):
                kept = block[skip:]
                skip -= len(block) - len(kept)
                if kept:
                    yield kept

    def _names(self, path: str, key: str) -> list[str]:
        names: list[str] = []
        while path:
            with self._failures():
                response = self._send("GET", self._root + path)
            if response.status_code == 404:
                return names
            self._expect(response, 200)
            try:
                names += response.json().get(key) or []
            except (ValueError, AttributeError, TypeError) as error:
                raise ZooError(f"{self.host} does not answer as a registry does", "check the address") from error
            following = urlsplit(response.links.get("next", {}).get("url", ""))
            path = f"{following.path}?{following.query}" if following.path else ""
        return names

    def _ask(self, method: str, what: str, **options: Any) -> Any:
        """Ask about the repository; an answer that refuses or reports a fault of the registry is raised."""
        with self._failures():
            response = self._send(method, f"{self._root}/v2/{self.path}/{what}", **options)
        if response.status_code in (401, 403, 429) or response.status_code >= 500:
            raise self._refused(response)
        return response

    def _send(self, method: str, url: str, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """Send a request, and once more where the registry asks who we are."""
        response = self._session.request(method, url, headers=self._with_login(url, headers), **options)
        if response.status_code not in (401, 403) or response.history or not self._log_in(response):
            return response
        if hasattr(options.get("data"), "seek"):
            options["data"].seek(0)
        return self._session.request(method, url, headers=self._with_login(url, headers), **options)

    def _with_login(self, url: str, headers: dict[str, str] | None) -> dict[str, str]:
        ours = url.startswith(f"{self._root}/")  # what a registry points to elsewhere is not shown its login
        return {**(headers or {}), **(self._authorization if ours else {})}

    def _log_in(self, response: Any) -> bool:
        """Answer a challenge (RFC 9110, 11.6.1) by the login for this registry or a token; say whether that is new."""
        challenge = response.headers.get("WWW-Authenticate", "")
        found: dict[str, str] = {}
        if challenge.lower().startswith("basic") and self._login:
            found = {"Authorization": f"Basic {self._login}"}
        elif challenge.lower().startswith("bearer") and "realm=" in challenge:
            found, _ = self._auth.authenticate_request(response, {}, refresh=True)
        changed = bool(found) and found != self._authorization
        self._authorization = found
        return changed

    def _body(self, response: Any, most: int) -> bytes:
        self._expect(response, 200)
        content = bytearray()
        with self._failures(), response:
            for block in response.iter_content(BLOCK_BYTES):
                content += block
                if len(content) > most:
                    raise ZooError(
                        f"{self.host}/{self.path} sends more than {most} bytes for {urlsplit(response.url).path}"
                    )
        return bytes(content)

    def _check(self, content: bytes, expected: str, what: str) -> None:
        if digest_of(content) != expected:
            raise ZooError(
                f"a {what} of {self.host}/{self.path} is damaged: expected {expected}, got {digest_of(content)}",
                "push it again, or tell who runs the registry",
            )

    def _expect(self, response: Any, *codes: int) -> Any:
        if response.status_code not in codes:
            raise self._refused(response)
        return response

    def _refused(self, response: Any) -> ZooError:
        where = f"{self.host}/{self.path}" if self.path else self.host
        if response.status_code in (401, 403):
            return ZooError(f"{where} refuses access: {_message(response)}", f"docker login {self.host}")
        method, path = response.request.method, urlsplit(response.url).path
        return ZooError(f"{where} answers {response.status_code} to {method} {path}: {_message(response)}")

    def _unknown(self, reference: str) -> ZooError:
        if tags := self.tags():
            what = "manifest" if ":" in reference else "tag"
            return ZooError(f"{self.host}/{self.path} has no {what} {reference!r}", near(reference, tags))
        with self._failures():
            if self._send("GET", f"{self._root}/v2/").status_code == 404:
                return ZooError(f"there is no OCI registry at {self._root}", "check the address")
        try:
            hint = near(self.path, self.repositories())
        except ZooError:  # many registries list their repositories to nobody
            hint = "check the name"
        return ZooError(f"{self.host} has no repository {self.path!r}", hint)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        errors = self._requests.exceptions
        try:
            yield
        except errors.SSLError as error:
            raise ZooError(
                f"{self.host} has no certificate that is trusted here: {_reason(error)}",
                f"put its certificate authority at {DOCKER}/certs.d/{self.host}/ca.crt",
            ) from error
        except errors.RequestException as error:
            raise ZooError(
                f"the registry {self.host} cannot be reached: {_reason(error)}", f"is {self._root}/v2/ right?"
            ) from error


def _message(response: Any) -> str:
    """Read the registry's own reason: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes."""
    try:
        return "; ".join(str(error.get("message") or error.get("code")) for error in response.json()["errors"])
    except (ValueError, LookupError, AttributeError, TypeError):
        return str(response.reason)


def _reason(error: BaseException) -> str:
    """Say what the innermost cause of a failed request was."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", "") or str(error)
