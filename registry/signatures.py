"""Signing a model's folder with a key file, and checking such a signature; works offline.

A signature is `model.sig`: a Sigstore bundle whose statement names every file of the folder but itself by its sha256,
as https://github.com/sigstore/model-transparency (the package model-signing, extra `sign`) writes and reads it. Keys
are PEM files of the curves P-256, P-384 and P-521::

    openssl ecparam -name prime256v1 -genkey -noout -out key.pem
    openssl ec -in key.pem -pubout -out key.pub
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from registry.blobs import entry_of
from registry.card import CARD_FILE, SIGNATURE_FILE
from registry.errors import ZooError
from registry.extras import need
from registry.key_files import EXTRA, check_private, key_id
from registry.signature_bundle import AGAIN, Bundle, parsed

SHORT = 16  # digits of a key's fingerprint that people see


def sign(folder: Path, key: Path) -> bytes:
    """Return the content of `model.sig` for a folder.

    Args:
        folder: every file in it is signed, hidden ones too, but for `model.sig`; links to files are signed as files.
        key: a private key, not encrypted.

    Raises:
        ZooError: the key cannot be used, or the folder holds what cannot be signed.
    """
    check_private(key)
    paths = _paths(folder)
    config = need("model_signing.signing", EXTRA).Config()
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / SIGNATURE_FILE
        config.use_elliptic_key_signer(private_key=key).set_hashing_config(_hashing()).sign(folder, target)
        signature = target.read_bytes()
    if unsigned := paths - set(parsed(signature).files):
        raise ZooError(f"these files of {folder} were not signed: {', '.join(sorted(unsigned))}")
    return signature


def check(folder: Path, signature: bytes, public_key: Path) -> None:
    """Check that a key's owner signed a folder as it is: the same files, no more and no less.

    Raises:
        ZooError: it is signed with another key, or is not what was signed; the message names a file that differs.
            Or the signature is damaged, or the key cannot be used.
    """
    expected, bundle = key_id(public_key), parsed(signature)
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
    maker = parsed(signature).key
    chosen = next((key for key in public_keys if key_id(key) == maker), None)
    if chosen is None:
        trusted = ", ".join(f"{key_id(key)[:SHORT]} ({key})" for key in public_keys)
        raise ZooError(f"{what} was signed with the key {maker[:SHORT]}; expected {trusted or 'no key at all'}")
    check(folder, signature, chosen)
    return chosen


def fingerprint(public_key: Path) -> str:
    """Return 16 hexadecimal digits that tell a public key from others; raises `ZooError` where it cannot be read."""
    return key_id(public_key)[:SHORT]


def revision_signed(signature: bytes) -> str | None:
    """Return the revision that a signature says it is for: the sha256 of `zoo.json`. Nothing is verified."""
    try:
        return parsed(signature).files.get(CARD_FILE)
    except ZooError:
        return None


def _verify(folder: Path, bundle: Bundle, public_key: Path) -> None:
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


def _differences(folder: Path, paths: set[str], bundle: Bundle) -> str:
    signed = set(bundle.files)
    changed = {path for path in paths & signed if entry_of(folder, path).sha256 != bundle.files[path]}
    found = {"changed": changed, "missing": signed - paths, "not signed": paths - signed}
    return "; ".join(f"{what}: {', '.join(sorted(which)[:5])}" for what, which in found.items() if which)
