"""The format of `model.sig`, a Sigstore bundle, as far as it is read."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from registry.card import SHA256, SIGNATURE_FILE
from registry.errors import ZooError

LARGEST = 16 * 2**20
AGAIN = "pull it again, or ask its publisher"


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
class Bundle:
    """A parsed signature: the key's identifier, the sha256 of each file, and a text with nothing else in it."""

    key: str
    files: Mapping[str, str]
    text: bytes


def parsed(signature: bytes) -> Bundle:
    """Read a bundle; its text is written anew, so that who verifies it sees what was read here and no more.

    Raises:
        ZooError: it is damaged, or signs by another method.
    """
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
    return Bundle(wire.verification_material.public_key.hint, files, msgspec.json.encode(wire))
