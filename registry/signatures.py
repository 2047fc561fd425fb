"""Signing a model's folder with a key file, and checking such a signature; works offline.

A signature is `model.sig`: a Sigstore bundle whose statement names every file of the folder but itself by its sha256,
as https://github.com/sigstore/model-transparency (the package model-signing, extra `sign`) writes and reads it. Keys
are PEM files of the curves P-256, P-384 and P-521::

    openssl ecparam -name prime256v1 -genkey -noout -out key.pem
    openssl ec -in key.pem -pubout -out key.pub
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from registry.blobs import entry_of
from registry.card import CARD_FILE, SHA256, SIGNATURE_FILE
from registry.errors import ZooError
from registry.extras import need

EXTRA = "sign"
LARGEST = 16 * 2**20
AGAIN = "pull it again, or ask its publisher"
SHORT = 16  # digits of a key's fingerprint that people see
HOW_TO_MAKE = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def sign(folder: Path, key: Path) -> bytes:
    """Return the content of `model.sig` for a folder.

    Args:
        folder: every file in it is signed, hidden ones too, but for `model.sig`; links to files are signed as files.
        key: a private key, not encrypted.

    Raises:
        ZooError: the key cannot be used, or the folder holds what cannot be signed.
    """
    _check_private(key)
    paths = _paths(folder)
    config = need("model_signing.signing", EXTRA).Config()
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / SIGNATURE_FILE
        config.use_elliptic_key_signer(private_key=key).set_hashing_config(_hashing()).sign(folder, target)
        signature = target.read_bytes()
    if unsigned := paths - set(_parsed(signature).files):
        raise ZooError(f"these files of {folder} were not signed: {', '.join(sorted(unsigned))}")
    return signature


def check(folder: Path, signature: bytes, public_key: Path) -> None:
    """Check that a key's owner signed a folder as it is: the same files, no more and no less.

    Raises:
        ZooError: it is signed with another key, or is not what was signed; the message names a file that differs.
            Or the signature is damaged, or the key cannot be used.
    """
    expected, bundle = _key_id(public_key), _parsed(signature)
    if bundle.key != expected:
        raise ZooError(
            f"this was not signed with {public_key}: expected the key {expected[:SHORT]}, got {bundle.key[:SHORT]}",
            "ask the publisher for the public key",
        )
    paths = _paths(folder)
    try:
        _verify(folder, bundle, public_key)
    except ValueError as error:
        unlike = _differences(folder, paths, bundle)
        if not unlike:
            raise ZooError(f"{SIGNATURE_FILE} is damaged: {error}", AGAIN) from error
        raise ZooError(f"this is not what was signed: {unlike}", AGAIN) from error
    if paths != set(bundle.files):  # a bundle can name paths that model-signing then passes over
        raise ZooError(f"this is not what was signed: {_differences(folder, paths, bundle)}", AGAIN)


def check_any(folder: Path, signature: bytes | None, public_keys: Sequence[Path], what: str) -> Path:
    """Check a folder with that of several keys which made the signature; return it.

    Args:
        folder: the files.
        signature: None where there is none.
        public_keys: those that are trusted.
        what: what the model is called in messages.

    Raises:
        ZooError: there is no signature, none of the keys made it, or `check` fails with the one that did.
    """
    if signature is None:
        raise ZooError(f"{what} is not signed: it has no {SIGNATURE_FILE}", "ask its publisher to sign it")
    maker = _parsed(signature).key
    chosen = next((key for key in public_keys if _key_id(key) == maker), None)
    if chosen is None:
        trusted = ", ".join(f"{_key_id(key)[:SHORT]} ({key})" for key in public_keys)
        raise ZooError(f"{what} was signed with the key {maker[:SHORT]}; expected {trusted or 'no key at all'}")
    check(folder, signature, chosen)
    return chosen


def fingerprint(public_key: Path) -> str:
    """Return 16 hexadecimal digits that tell a public key from others; raises `ZooError` where it cannot be read."""
    return _key_id(public_key)[:SHORT]


def revision_signed(signature: bytes) -> str | None:
    """Return the revision that a signature says it is for: the sha256 of `zoo.json`. Nothing is verified."""
    try:
        return _parsed(signature).files.get(CARD_FILE)
    except ZooError:
        return None


# What a bundle and its statement hold, as far as it is read. https://docs.sigstore.dev/about/bundle/,
# https://github.com/secure-systems-lab/dsse, https://github.com/in-toto/attestation/tree/main/spec/v1
class _Key(msgspec.Struct):
    hint: str


class _Material(msgspec.Struct, rename="camel"):
    public_key: _Key


class _Signature(msgspec.Struct):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: tuple[_Signature]


class _Wire(msgspec.Struct, rename="camel"):
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: _Material
    dsse_envelope: _Envelope


class _Resource(msgspec.Struct):
    name: str
    digest: str


class _Serialization(msgspec.Struct):
    method: str
    hash_type: str


class _Predicate(msgspec.Struct):
    resources: list[_Resource]
    serialization: _Serialization


class _Statement(msgspec.Struct, rename="camel"):
    predicate_type: Literal["https://model_signing/signature/v1.0"]
    predicate: _Predicate


@dataclass(frozen=True)
class _Bundle:
    """A parsed signature: the key's identifier, the sha256 of each file, and a text with nothing else in it."""

    key: str
    files: Mapping[str, str]
    text: bytes


def _parsed(signature: bytes) -> _Bundle:
    """Read a bundle; its text is written anew, so that who verifies it sees what was read here and no more."""
    try:
        if len(signature) > LARGEST:
            raise ValueError(f"it is {len(signature)} bytes long, expected at most {LARGEST}")
        wire = msgspec.json.decode(signature, type=_Wire)
        payload = base64.b64decode(wire.dsse_envelope.payload, validate=True)
        statement = msgspec.json.decode(payload, type=_Statement)
        files = {item.name: item.digest for item in statement.predicate.resources}
        if not all(SHA256.fullmatch(digest) for digest in files.values()):
            raise ValueError("a digest is no sha256")
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ZooError(f"{SIGNATURE_FILE} is damaged: {error}", AGAIN) from error
    how = statement.predicate.serialization
    if (how.method, how.hash_type) != ("files", "sha256"):
        raise ZooError(
            f"{SIGNATURE_FILE} signs {how.method} by {how.hash_type}; expected files by sha256",
            "ask its publisher to sign it again: zoo publish --sign KEY",
        )
    return _Bundle(wire.verification_material.public_key.hint, files, msgspec.json.encode(wire))


def _verify(folder: Path, bundle: _Bundle, public_key: Path) -> None:
    from cryptography.exceptions import InvalidSignature

    config = need("model_signing.verifying", EXTRA).Config()
    config.use_elliptic_key_verifier(public_key=public_key).set_hashing_config(_hashing())
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / SIGNATURE_FILE
        source.write_bytes(bundle.text)
        try:
            config.verify(folder, source)
        except (InvalidSignature, KeyError, TypeError) as error:
            raise ZooError(f"{SIGNATURE_FILE} is damaged: it was changed after it was made", AGAIN) from error


def _hashing() -> Any:
    """Hash every file: by default model-signing leaves out what belongs to git."""
    config = need("model_signing.hashing", EXTRA).Config()
    return config.set_ignored_paths(paths=[SIGNATURE_FILE], ignore_git_paths=False).set_allow_symlinks(True)


def _paths(folder: Path) -> set[str]:
    """List a folder's files; what model-signing would pass over without a word is refused."""
    found = set()
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in [*folders, *names]):
            if path.is_dir() and not path.is_symlink():
                continue
            if not path.is_file():
                raise ZooError(f"{path} cannot be signed: it is a link to a folder or to nothing, or a device")
            found.add(path.relative_to(folder).as_posix())
    return found - {SIGNATURE_FILE}


def _differences(folder: Path, paths: set[str], bundle: _Bundle) -> str:
    signed = set(bundle.files)
    changed = {path for path in paths & signed if entry_of(folder, path).sha256 != bundle.files[path]}
    found = {"changed": changed, "missing": signed - paths, "not signed": paths - signed}
    return "; ".join(f"{what}: {', '.join(sorted(which)[:5])}" for what, which in found.items() if which)


def _key_id(path: Path) -> str:
    """Identify a public key as bundles do: by the sha256 of its PEM text."""
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


def _check_private(path: Path) -> None:
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
