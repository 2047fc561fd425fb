"""A model as the catalogue knows it: a name, a revision, and the card."""

from __future__ import annotations

from dataclasses import dataclass

from registry.card import Card, revision_of


@dataclass(frozen=True)
class Summary:
    """One line of `zoo list`; `bytes` is the size of all files, `source` where they lie."""

    name: str
    revision: str
    source: str
    task: str
    parameters: int
    bytes: int
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """One revision of a named model."""

    card: Card
    revision: str
    source: str

    @property
    def name(self) -> str:
        """The catalogue name."""
        return self.card.name

    @property
    def ref(self) -> str:
        """The reference that names exactly this revision."""
        return f"{self.name}@{self.revision[:12]}"

    @property
    def summary(self) -> Summary:
        """What `zoo list` shows of it."""
        card = self.card
        return Summary(self.name, self.revision, self.source, card.task, card.parameters, card.bytes, card.tags)


def model_of(card: Card, source: str) -> Model:
    """Make a model of a card; its revision follows from its content."""
    return Model(card, revision_of(card), source)
