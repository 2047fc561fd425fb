"""Putting a model on the shelf: everything is at hand first, then one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import Card, Lineage
from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from zoo.opening import start_tensorflow
from zoo.readme import readme

if TYPE_CHECKING:
    from transfer.importers.imported import Imported


@dataclass(frozen=True)
class Publishable:
    """A model that is ready to be committed.

    Attributes:
        card: complete but for its files' hashes.
        files: the files to store, by the path that they get.
        update: whether its name may exist.
    """

    card: Card
    files: Mapping[str, Path]
    update: bool

    @property
    def paths(self) -> list[str]:
        """All files that the revision will hold."""
        return sorted([*self.files, "README.md"])

    def commit(self) -> Model:
        """Commit it to the local catalogue, all or nothing; raises `ZooError` where the name is taken."""
        for path, source in self.files.items():
            if not source.is_file():
                raise ZooError(f"cannot publish {self.card.name}: {path} is gone; expected {source}")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "README.md").write_text(readme(self.card), encoding="utf-8")
            for path, source in self.files.items():
                (folder / path).symlink_to(source.absolute())
            return Shelf().publish(self.card, folder, update=self.update)


@dataclass(frozen=True)
class Importable:
    """A checkpoint that was read, ready to be committed as a model."""

    imported: Imported
    name: str
    path: str
    update: bool

    def commit(self) -> Model:
        """Write the model and its stored test, and commit them."""
        from transfer.draft import draft
        from transfer.samples import random_inputs

        model = self.imported.model
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "model.keras"
            origin = Lineage(parent=Path(self.path).name)
            summary = f"imported from a {self.imported.format} checkpoint"
            card = draft(model, weights, random_inputs(model), lineage=origin, summary=summary, tags=("imported",))
            files = {path: weights.parent / path for path in (card.weights, card.tests)}
            return Publishable(replace(card, name=self.name), files, self.update).commit()


def of_path(
    path: str, name: str, *, input: str | None = None, output: str | None = None, update: bool = False
) -> Importable:
    """Read a foreign checkpoint and turn it into a Keras model.

    Args:
        path: a TensorFlow 1 checkpoint's prefix, one of its files or its folder; or a `.keras` file.
        name: the new model's name.
        input, output: tensor names, where the checkpoint does not say.
        update: add a revision to a name that exists.

    Raises:
        ZooError: the name is taken, the path cannot be read, or the result computes other numbers.
    """
    Shelf().check_free(name, update=update)
    start_tensorflow()
    from transfer.importers.table import importer_for

    imported = importer_for(path).read(path, input=input, output=output)
    return Importable(imported, name, path, update)


def of_run(run: str, name: str, *, update: bool = False) -> Publishable:
    """Prepare a finished run's best model.

    Args:
        run: its identifier, the beginning of one, or `last`.
        name: the new model's name.
        update: add a revision to a name that exists.

    Raises:
        ZooError: the run is unknown or did not end, or the name is taken.
    """
    from transfer.runs import Runs

    shelf = Shelf()
    folder = Runs(shelf.home.runs).find(run)
    shelf.check_free(name, update=update)
    card = replace(folder.card, name=name)
    return Publishable(card, {path: folder.path / path for path in (card.weights, card.tests)}, update)
