"""Key files to sign with and to check signatures with: PEM, of the curves P-256, P-384 and P-521."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need

EXTRA = "sign"
HOW_TO_MAKE = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def key_id(path: Path) -> str:
    """Identify a public key as bundles do: by the sha256 of its PEM text.

    Raises:
        ZooError: it cannot be read, or holds something else.
    """
    serialization = need("cryptography.hazmat.primitives.serialization", EXTRA)
    text = _key_text(path)
    if b"PRIVATE KEY" in text:
        raise ZooError(
            f"{path} holds a private key, expected a public one", f"openssl ec -in {path} -pubout -out {path}.pub"
        )
    try:
        key = serialization.load_pem_public_key(text)
    except Exception as error:  # OpenSSL's errors have no class in common
        raise ZooError(f"{path} is no public key: expected a PEM file", HOW_TO_MAKE) from error
    _check_curve(path, key)
    shape = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key.public_bytes(*shape)).hexdigest()


def check_private(path: Path) -> None:
    """Refuse a file that is no private key to sign with.

    Raises:
        ZooError: it cannot be read, is encrypted, or holds something else.
    """
    serialization = need("cryptography.hazmat.primitives.serialization", EXTRA)
    text = _key_text(path)
    if b"PUBLIC KEY" in text:
        raise ZooError(f"{path} holds a public key, expected the private one")
    try:
        key = serialization.load_pem_private_key(text, None)
    except TypeError as error:
        raise ZooError(
            f"the key {path} is encrypted, expected one without a password", f"openssl ec -in {path} -out plain.pem"
        ) from error
    except Exception as error:  # OpenSSL's errors have no class in common
        raise ZooError(f"{path} is no private key: expected a PEM file", HOW_TO_MAKE) from error
    _check_curve(path, key)


def _key_text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ZooError(f"cannot read the key {path}: {error.strerror}", HOW_TO_MAKE) from error


def _check_curve(path: Path, key: Any) -> None:
    curve = getattr(getattr(key, "curve", None), "name", type(key).__name__)
    if curve not in CURVES:
        raise ZooError(f"the key {path} is of the kind {curve}, expected one of {', '.join(CURVES)}", HOW_TO_MAKE)
