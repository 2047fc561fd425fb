"""All models on this machine together: what `zoo list` lists and what a reference is looked up in."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import Card
from registry.errors import ZooError, near
from registry.home import Home, home
from registry.model import Model, Summary
from registry.ref import Ref
from registry.sources.local import Local
from registry.sources.shipped import Shipped
from registry.sources.source import Source

if TYPE_CHECKING:
    from registry.spot import Spot

SORTS = {
    "name": lambda line: line.name,
    "updated": lambda line: (-line.updated, line.name),
    "size": lambda line: (-line.bytes, line.name),
    "parameters": lambda line: (-line.parameters, line.name),
}


class Shelf:
    """The catalogue of this machine, then the models that ship with the package."""

    def __init__(self, at: Home | None = None) -> None:
        self.home = at or home()
        self.local = Local(self.home)
        self.shipped = Shipped()
        self.sources: tuple[Source, ...] = (self.local, self.shipped)

    def summaries(
        self,
        pattern: str = "*",
        *,
        source: str | None = None,
        task: str | None = None,
        tag: str | None = None,
        sort: str = "name",
        limit: int | None = None,
    ) -> list[Summary]:
        """Return the newest revision of every model that fits.

        Args:
            pattern: a shell pattern of names.
            source: `local` or `shipped`; None for both.
            task, tag: what the card must have.
            sort: `name`, or the greatest of `updated`, `size` or `parameters` first.
            limit: how many at most.

        Raises:
            ZooError: there is no such sort or source.
        """
        _known("sort", sort, SORTS)
        _known("source", source or "local", [one.name for one in self.sources])
        lines: list[Summary] = []
        if source in (None, self.local.name):
            lines += self.local.catalogue.summaries(pattern, task=task, tag=tag, sort=sort, limit=limit)
        if source in (None, self.shipped.name):
            lines += [
                model.summary
                for model in self.shipped.models()
                if fnmatchcase(model.name, pattern)
                and task in (None, model.card.task)
                and (tag is None or tag in model.card.tags)
            ]
        return sorted(lines, key=SORTS[sort])[:limit]

    def search(self, words: str, limit: int) -> list[Summary]:
        """Return models whose name, card or tags hold every word, or a word that begins with it; the best first."""
        if not words.strip():
            return self.summaries(sort="updated", limit=limit)
        from registry.catalogue.words import words_of

        wanted = words_of(words)
        shipped = [model.summary for model in self.shipped.models() if _holds(model, wanted)]
        return (shipped + self.local.catalogue.search(words, limit))[:limit]

    def find(self, text: str) -> Model:
        """Return the model that a reference names.

        Raises:
            ZooError: there is none (the hint lists near names), or it lies elsewhere.
        """
        ref = Ref.parse(text)
        if ref.source:
            return self._pulled(ref)
        if model := self._first(ref.name, ref.revision):
            return model
        raise self._unknown(ref)

    def folder(self, model: Model) -> Path:
        """Return a local folder with the model's files."""
        return self._source(model).folder(model)

    def lay(self, model: Model, folder: Path) -> None:
        """Put a model's files into a folder, after a look at every byte; raises `ZooError` where one is damaged."""
        self._source(model).lay(model, folder)

    def zoo_json(self, model: Model) -> bytes:
        """Return the text of a model's card, whose sha256 is the revision."""
        return self._source(model).zoo_json(model)

    def check_free(self, spot: Spot) -> None:
        """Refuse a place for a new revision, before any work is done for it.

        Raises:
            ZooError: its name is taken (a shipped model's name cannot be updated either), or its tag is.
        """
        from registry.catalogue import taken

        if self.shipped.find(spot.name) or (not spot.update and self.local.find(spot.name)):
            raise taken(spot.name)
        if spot.tag and (known := self.local.find(spot.name, spot.tag)):
            raise tag_taken(spot.name, spot.tag, known)

    def publish(self, card: Card, folder: Path, spot: Spot) -> Model:
        """Commit a folder of files to the local catalogue."""
        self.check_free(spot)
        return self.local.publish(card, folder, spot)

    def adopt(self, zoo_json: bytes, folder: Path, spot: Spot) -> Model:
        """Commit a revision that was made elsewhere to the local catalogue, unchanged."""
        self.check_free(spot)
        return self.local.adopt(zoo_json, folder, spot)

    def _source(self, model: Model) -> Source:
        return next(source for source in self.sources if source.name == model.source)

    def _first(self, name: str, revision: str | None) -> Model | None:
        try:
            return self.local.find(name, revision) or self.shipped.find(name, revision)
        except ZooError:  # a catalogue that cannot be used does not stand before what ships with the package
            if model := self.shipped.find(name, revision):
                return model
            raise

    def _pulled(self, ref: Ref) -> Model:
        if ref.source == "file":
            raise ZooError(f"{ref.name} is a path, not a model's name", f"zoo import {ref.name} --as NAME")
        if model := self.local.catalogue.by_origin(str(ref)):
            return model
        raise ZooError(f"{ref} is not on this machine", f"zoo pull {ref}, then use the name that it gets here")

    def _unknown(self, ref: Ref) -> ZooError:
        if known := self._first(ref.name, None):
            return ZooError(f"{ref.name} has no revision {ref.revision!r}", f"known: {self._revisions(known)}")
        names = [model.name for model in self.shipped.models()] + self.local.catalogue.nearby(ref.name)
        hint = near(ref.name, names)
        if Path(ref.name).exists():
            hint = f"there is a file of that name: write ./{ref.name}"
        return ZooError(f"no model is named {ref.name!r}", f"{hint} (zoo list shows all)")

    def _revisions(self, model: Model) -> str:
        if model.source == self.shipped.name:
            return f"{model.revision[:12]}, its only one"
        commits = [entry.revision[:12] for entry in self.local.catalogue.history(model.name)]
        labels = [label.name for label in self.local.catalogue.labels(model.name)]
        return f"{', '.join(commits[-12:])}, oldest first; {', '.join(labels)}"


def _holds(model: Model, wanted: list[str]) -> bool:
    from registry.catalogue.words import model_words

    known = model_words(model.name, model.card, "")
    return all(any(word.startswith(part) for word in known) for part in wanted)


def tagless(name: str) -> ZooError:
    """Say that a shipped model has no tags."""
    return ZooError(f"{name} ships with zoo and has no tags", f"zoo publish {name} --as NAME makes it yours")


def tag_taken(name: str, tag: str, known: Model) -> ZooError:
    """Say that a tag names another revision."""
    return ZooError(f"the tag {tag!r} of {name} names {known.revision[:12]} already", "choose another tag")


def _known(what: str, got: str, names: Iterable[str]) -> None:
    known = list(names)
    if got not in known:
        raise ZooError(f"no {what} is named {got!r}", near(got, known))
