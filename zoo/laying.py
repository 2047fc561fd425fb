"""A revision as it travels: its files, `zoo.json`, and `model.sig` where it is signed, in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry import signatures
from registry.card import CARD_FILE, SIGNATURE_FILE
from registry.model import Model
from registry.shelf import Shelf


@contextmanager
def laid(shelf: Shelf, model: Model, signature: bytes | None) -> Iterator[Path]:
    """Lay a revision out as it travels: its files, `zoo.json`, and `model.sig` where it is signed.

    Raises:
        ZooError: what is stored is not what the card says.
    """
    with shelf.local.workspaces.new() as folder:
        shelf.lay(model, folder)
        (folder / CARD_FILE).write_bytes(shelf.zoo_json(model))
        if signature:
            (folder / SIGNATURE_FILE).write_bytes(signature)
        yield folder


def sign(shelf: Shelf, model: Model, key: Path) -> bytes:
    """Sign a revision with a private key; return the text of `model.sig`."""
    with laid(shelf, model, None) as folder:
        return signatures.sign(folder, key)


def signature_of(shelf: Shelf, model: Model) -> bytes | None:
    """Return the signature that a revision has in the catalogue, or None."""
    return shelf.local.signature(model) if model.source == shelf.local.name else None
