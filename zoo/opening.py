"""From a reference to a backbone, and from a data reference to a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.card import TensorSpec
from registry.errors import ZooError
from registry.home import home
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from zoo.paths import typed_path
from zoo.starting import start_tensorflow

if TYPE_CHECKING:
    from transfer.backbone import Backbone
    from transfer.data.dataset import Dataset
    from transfer.data.reading import Reading
    from transfer.data.records import Found


@dataclass(frozen=True)
class FileRef:
    """Where a file or folder lies, and what it is called: a path, or `MODEL@REVISION:FILE` for a file of a model."""

    path: Path
    name: str


@dataclass(frozen=True)
class HubRef:
    """A hub's data set, such as `keras:mnist`."""

    name: str


DataRef = FileRef | HubRef


def open_model(shelf: Shelf, model: Model) -> Backbone:
    """Load a catalogued model, without the preprocessing that its file may begin with: samples come prepared.

    Raises:
        ZooError: its weights cannot be read, or its file does not begin as its card says.
    """
    start_tensorflow()
    from transfer.backbone import Backbone
    from transfer.importers.table import importer_of

    card = model.card
    path = f"{shelf.folder(model)}/{card.weights}"
    importer = importer_of(card.format)
    ends: dict[str, Any] = {"input": _named(card.inputs), "output": _named(card.outputs)}
    # Not compared with its original again: that was done when it came in, and its stored test is on the card.
    imported = importer.read(path, compare=False, **{key: ends[key] for key in ends if key in importer.takes})
    backbone = Backbone(imported.model, card.preprocessing, card.classes, card.task, card.columns)
    if card.columns:
        from transfer.raw_table import takes_rows, without_columns

        rows = takes_rows(imported.model)
        return replace(backbone, model=without_columns(imported.model, card.inputs[0])) if rows else backbone
    if card.preprocessing is None or not card.preprocessing.embedded:
        return backbone
    from transfer.raw_model import without_preprocessing

    bare = without_preprocessing(imported.model, card.preprocessing, card.inputs)
    return replace(backbone, model=bare, preprocessing=replace(card.preprocessing, embedded=False))


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
        return named_data(shelf, text)
    default = model.card.data
    if not default:
        raise ZooError(f"the card of {model.name} names no default data", "pass yours: --data DATA")
    if default in {file.path for file in model.card.files}:
        return FileRef(shelf.folder(model) / default, f"{model.ref}:{default}")
    named = _file_of_model(shelf, default)
    if named is None:  # a card may come from anywhere: it does not choose files on this machine
        raise ZooError(
            f"the default data of {model.name}, {default!r}, are no file of a model", "pass yours: --data DATA"
        )
    return named


def find_file(shelf: Shelf, text: str) -> FileRef:
    """Find a file that a user named: a path, or `MODEL:FILE`.

    Raises:
        ZooError: there is no such model, or it has no such file.
    """
    path = typed_path(text)
    named = None if path.exists() else _file_of_model(shelf, text)
    return named or FileRef(path, text)


def named_data(shelf: Shelf, text: str) -> DataRef:
    """Find data that a user named: a path, `MODEL:FILE`, or a hub's data set.

    Raises:
        ZooError: there is no such model, or it has no such file.
    """
    from transfer.data.kinds import is_hub

    return HubRef(text) if is_hub(text) and not typed_path(text).exists() else find_file(shelf, text)


def read_data(where: DataRef, reading: Reading, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """Read a data set.

    What is not split itself is split the same way each time, whatever the seed of a run: a sample that one run
    trained on is never another command's test sample.

    Args:
        where: what `find_data` found.
        reading: the user's options.
        classes: the labels of the model that the data are to score; None where one is to be trained.

    Raises:
        ZooError: they cannot be read, or do not make a data set.
    """
    from transfer.data.assemble import assemble

    return assemble(find_records(where, reading), reading, classes)


def find_records(where: DataRef, reading: Reading, taken: str | None = None) -> Found:
    """Read what there is, not divided into splits yet; see `transfer.data.kinds`.

    Args:
        where: what `find_data` found.
        reading: the user's options.
        taken: what could be read, as the hint of an error says it; None for what `--data` takes.
    """
    from transfer.data.kinds import TAKEN, read_files, read_hub

    if isinstance(where, HubRef):
        start_tensorflow()
        return read_hub(where.name, reading)
    return read_files(where.path, where.name, reading, home().cache / "digests", taken or TAKEN)


def _file_of_model(shelf: Shelf, text: str) -> FileRef | None:
    """Find `MODEL:FILE`; None where the text is no such thing."""
    name, found, file = text.rpartition(":")
    if not found or Ref.parse(name).source:
        return None
    owner = shelf.find(name)
    known = [entry.path for entry in owner.card.files]
    if file not in known:
        raise ZooError(f"{owner.name} has no file {file!r}", f"it has: {', '.join(known)}")
    return FileRef(shelf.folder(owner) / file, f"{owner.ref}:{file}")


def _named(specs: tuple[TensorSpec, ...]) -> str | None:
    return ",".join(spec.name for spec in specs) or None
