"""Putting a model into the catalogue: everything is at hand first, then one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import Card, Lineage
from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from registry.spot import Spot
from zoo.front_matter import Facts
from zoo.readme import readme

if TYPE_CHECKING:
    from transfer.imported import Imported


@dataclass(frozen=True)
class Publishable:
    """A model that is ready to be committed.

    Attributes:
        card: complete but for its files' hashes.
        files: the files to store, by the path that they get.
        spot: where in the catalogue it goes.
    """

    card: Card
    files: Mapping[str, Path]
    spot: Spot

    @property
    def paths(self) -> list[str]:
        """All files that the revision will hold."""
        return sorted({*self.files, "README.md"})

    def commit(self) -> Model:
        """Commit it to the local catalogue, all or nothing; raises `ZooError` where the name is taken."""
        for path, source in self.files.items():
            if not source.is_file():
                raise ZooError(f"cannot publish {self.card.name}: {path} is gone; expected {source}")
        with _scratch() as folder:
            page = readme(self.card, paths=self.paths, parent_origin=_origin_of_parent(self.card))
            (folder / "README.md").write_text(page, encoding="utf-8")
            for path, source in self.files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).symlink_to(source.absolute())
            return Shelf().publish(self.card, folder, self.spot)


@dataclass(frozen=True)
class Importable:
    """A checkpoint that was read, ready to be committed as a model.

    Attributes:
        imported: the model and the account of how it came about.
        spot: where in the catalogue it goes.
        lineage: where it came from: a file's name, or a pinned reference.
        facts: what is said of it elsewhere.
        extra: files that go with it as they are, by the path that they get.
        kept: a `.keras` file that holds the model already and is stored as it is; None where it is written anew.
    """

    imported: Imported
    spot: Spot
    lineage: Lineage
    facts: Facts
    extra: Mapping[str, Path] = field(default_factory=dict)
    kept: Path | None = None

    def commit(self) -> Model:
        """Write the model and its stored test, and commit them."""
        from transfer.draft import draft
        from transfer.samples import random_inputs

        imported = self.imported
        with _scratch() as folder:
            weights = folder / "model.keras"
            drawn = draft(
                imported.model, weights, random_inputs(imported.model), preprocessing=imported.preprocessing,
                classes=imported.classes, lineage=self.lineage, embed=self.kept is None, target=imported.target,
            )  # fmt: skip
            card = replace(described(drawn, self.facts), name=self.spot.name)
            files = {path.name: path for path in folder.iterdir()} | ({weights.name: self.kept} if self.kept else {})
            return Publishable(card, {**self.extra, **files}, self.spot).commit()


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a temporary folder; raises `ZooError` where it cannot be written."""
    try:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
    except OSError as error:
        place, reason = tempfile.gettempdir(), str(error.strerror or error).splitlines()[0]
        raise ZooError(
            f"cannot write to the temporary folder {place}: {reason}",
            "free some space, or set TMPDIR to another folder",
        ) from error


def _origin_of_parent(card: Card) -> str:
    """Say where the model that a run started from was pulled from; empty where it was not."""
    if card.lineage is None or not card.lineage.reuse:
        return ""
    try:
        return Shelf().find(card.lineage.parent).origin
    except ZooError:  # it was removed since
        return ""


def described(card: Card, facts: Facts) -> Card:
    """Fill in what is said of a model elsewhere."""
    return replace(card, task=facts.task, license=facts.license, summary=facts.summary, tags=facts.tags)


def of_run(run: str, spot: Spot) -> Publishable:
    """Prepare a finished run's best model.

    Args:
        run: its identifier, the beginning of one, or `last`.
        spot: where in the catalogue it goes.

    Raises:
        ZooError: the run is unknown or did not end, or the name is taken.
    """
    from transfer.runs import Runs

    shelf = Shelf()
    folder = Runs(shelf.home.runs).find(run)
    shelf.check_free(spot)
    card = replace(folder.card, name=spot.name)
    return Publishable(card, {path: folder.path / path for path in folder.model_files}, spot)
