"""From a reference to a backbone, and from a data reference to a data set."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.card import TensorSpec
from registry.errors import ZooError
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from zoo.paths import typed_path

if TYPE_CHECKING:
    from transfer.backbone import Backbone
    from transfer.data.dataset import Dataset


@dataclass(frozen=True)
class DataRef:
    """Where a file lies, and what it is called: a path, or `MODEL@REVISION:FILE` for a file of a model."""

    path: Path
    name: str


def start_tensorflow() -> None:
    """Import TensorFlow while its greetings, which no setting turns off, go nowhere."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with Path(os.devnull).open("wb") as nowhere, _stderr_into(nowhere.fileno()):
        import tensorflow  # noqa: F401
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def _stderr_into(target: int) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def open_model(shelf: Shelf, model: Model) -> Backbone:
    """Load a catalogued model.

    Raises:
        ZooError: its weights cannot be read.
    """
    start_tensorflow()
    from transfer.backbone import Backbone
    from transfer.importers.table import importer_of

    card = model.card
    path = f"{shelf.folder(model)}/{card.weights}"
    importer = importer_of(card.format)
    ends: dict[str, Any] = {"input": _only(card.inputs), "output": _only(card.outputs)}
    # Not compared with its original again: that was done when it came in, and its stored test is on the card.
    imported = importer.read(path, compare=False, **{key: ends[key] for key in ends if key in importer.takes})
    return Backbone(imported.model, card.preprocessing, card.classes, card.task)


def find_data(shelf: Shelf, model: Model, text: str | None) -> DataRef:
    """Find the data that a user named, or a model's default data.

    Args:
        shelf: where models are looked up.
        model: the model that they are for.
        text: a path or `MODEL:FILE`; None for the default.

    Raises:
        ZooError: there are none.
    """
    if text is not None:
        return find_file(shelf, text)
    default = model.card.data
    if not default:
        raise ZooError(f"the card of {model.name} names no default data", "pass yours: --data FILE.npz")
    if default in {file.path for file in model.card.files}:
        return DataRef(shelf.folder(model) / default, f"{model.ref}:{default}")
    named = _file_of_model(shelf, default)
    if named is None:  # a card may come from anywhere: it does not choose files on this machine
        raise ZooError(
            f"the default data of {model.name}, {default!r}, are no file of a model", "pass yours: --data FILE.npz"
        )
    return named


def find_file(shelf: Shelf, text: str) -> DataRef:
    """Find a file that a user named: a path, or `MODEL:FILE`.

    Raises:
        ZooError: there is no such model, or it has no such file.
    """
    path = typed_path(text)
    named = None if path.exists() else _file_of_model(shelf, text)
    return named or DataRef(path, text)


def read_data(where: DataRef, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """Read a data set; see `transfer.data.npz.read`.

    What a file does not split itself is split the same way each time, whatever the seed of a run: a sample that one
    run trained on is never another command's test sample.
    """
    from transfer.data.npz import read

    return read(where.path, where.name, classes=classes)


def _file_of_model(shelf: Shelf, text: str) -> DataRef | None:
    """Find `MODEL:FILE`; None where the text is no such thing."""
    name, found, file = text.rpartition(":")
    if not found or Ref.parse(name).source:
        return None
    owner = shelf.find(name)
    known = [entry.path for entry in owner.card.files]
    if file not in known:
        raise ZooError(f"{owner.name} has no file {file!r}", f"it has: {', '.join(known)}")
    return DataRef(shelf.folder(owner) / file, f"{owner.ref}:{file}")


def _only(specs: tuple[TensorSpec, ...]) -> str | None:
    return specs[0].name if len(specs) == 1 else None
