"""A server that gives tokens for a Docker registry, as ghcr.io and Docker Hub have one.

https://distribution.github.io/distribution/spec/auth/token/ and .../auth/jwt/. A token allows what its request's scope
asks for, and nothing else: to pull for everyone, to push for one user with a password.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ISSUER, SERVICE = "tokens of the tests", "registry of the tests"
USER, PASSWORD = "ada", "secret"
LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@contextmanager
def serve_tokens(folder: Path) -> Iterator[str]:
    """Run the server; yields the `auth` part of the configuration of a registry that believes its tokens."""
    key = rsa.generate_private_key(65537, 2048)
    certificate = _certificate(key)
    (folder / "issuer.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(key, certificate))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        realm = f"http://127.0.0.1:{server.server_port}/token"
        yield (
            f"{{token: {{realm: '{realm}', service: '{SERVICE}', issuer: '{ISSUER}', "
            f"rootcertbundle: {folder / 'issuer.pem'}}}}}"
        )
    finally:
        server.shutdown()
        server.server_close()


def _handler(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            known = self.headers.get("Authorization") == f"Basic {LOGIN}"
            if self.headers.get("Authorization") and not known:
                self.send_error(401)
                return
            scopes = query.get("scope", [])
            content = json.dumps({"token": _token(key, certificate, scopes, known)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def _token(key: rsa.RSAPrivateKey, certificate: x509.Certificate, scopes: list[str], known: bool) -> str:
    der = certificate.public_bytes(serialization.Encoding.DER)
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    allowed = {"pull", "push", "*"} if known else {"pull"}
    access = [
        {"type": kind, "name": name, "actions": [action for action in actions.split(",") if action in allowed]}
        for kind, name, actions in (scope.split(":") for scope in scopes)
    ]
    claims = {
        "iss": ISSUER, "sub": USER if known else "", "aud": SERVICE, "exp": now + 300, "nbf": now - 60, "iat": now,
        "jti": str(now), "access": access,
    }  # fmt: skip
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_encoded(signature)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
