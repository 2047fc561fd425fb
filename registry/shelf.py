"""All sources together: what `zoo list` lists and what a reference is looked up in."""

from __future__ import annotations

from pathlib import Path

from registry.card import Card
from registry.errors import ZooError, near
from registry.home import Home, home
from registry.model import Model, Summary
from registry.ref import Ref, check_name
from registry.sources.local import Local
from registry.sources.shipped import Shipped
from registry.sources.source import Source


class Shelf:
    """The catalogue of this machine, then the models that ship with the package."""

    def __init__(self, at: Home | None = None) -> None:
        self.home = at or home()
        self.local = Local(self.home)
        self.sources: tuple[Source, ...] = (self.local, Shipped())

    def summaries(self) -> list[Summary]:
        """Return the newest revision of every model, by name."""
        return sorted((line for source in self.sources for line in source.summaries()), key=lambda s: s.name)

    def find(self, text: str) -> Model:
        """Return the model that a reference names.

        Raises:
            ZooError: there is none (the hint lists near names), or its source is unknown.
        """
        ref = Ref.parse(text)
        if ref.source:
            raise _no_source(ref)
        for source in self.sources:
            if model := source.find(ref.name, ref.revision):
                return model
        raise self._unknown(ref)

    def folder(self, model: Model) -> Path:
        """Return a local folder with the model's files."""
        return next(source for source in self.sources if source.name == model.source).folder(model)

    def check_free(self, name: str, *, update: bool = False) -> None:
        """Refuse a name for a new local model, before any work is done for it.

        Raises:
            ZooError: it is no name, or taken; a shipped model's name cannot be updated either.
        """
        check_name(name)
        for source in self.sources:
            if source.find(name) and not (update and source is self.local):
                from registry.catalogue import taken

                raise taken(name)

    def publish(self, card: Card, folder: Path, *, update: bool = False) -> Model:
        """Commit a folder of files under the card's name in the local catalogue."""
        self.check_free(card.name, update=update)
        return self.local.publish(card, folder, update=update)

    def _unknown(self, ref: Ref) -> ZooError:
        if any(source.find(ref.name) for source in self.sources):
            known = ", ".join(revision[:12] for revision in self.local.revisions(ref.name)) or "its only one"
            return ZooError(f"{ref.name} has no revision {ref.revision!r}", f"known: {known}, oldest first")
        hint = near(ref.name, [line.name for line in self.summaries()])
        if Path(ref.name).exists():
            hint = f"there is a file of that name: write ./{ref.name}"
        return ZooError(f"no model is named {ref.name!r}", f"{hint} (zoo list shows all)")


def _no_source(ref: Ref) -> ZooError:
    if ref.source == "file":
        return ZooError(f"{ref.name} is a path, not a model's name", f"zoo import {ref.name} --as NAME")
    return ZooError(
        f"no source is named {ref.source!r}",
        "models are looked up in the local catalogue and among the shipped",
    )
