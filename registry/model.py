"""A model as the catalogue knows it: a name, a revision, and the card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from registry.card import CARD_FILE, Card, decode


@dataclass(frozen=True)
class Summary:
    """One line of `zoo list`.

    Attributes:
        name: the catalogue name.
        revision: the newest on `main`.
        source: where it lies: `local` or `shipped`.
        task, parameters, bytes, tags: from its card; `bytes` is the size of all files.
        updated: when the revision was committed, in Unix seconds; 0 where that is not known.
    """

    name: str
    revision: str
    source: str
    task: str
    parameters: int
    bytes: int
    tags: tuple[str, ...]
    updated: float = 0.0


@dataclass(frozen=True)
class Model:
    """One revision of a named model.

    Attributes:
        name: what it is called here; its card keeps the name that its maker gave.
        card: its description.
        revision: the sha256 of the card's canonical text.
        source: where it lies: `local` or `shipped`.
        origin: the pinned reference that it was pulled from; empty for one that was made here.
        created: when it was committed here, in Unix seconds; 0 where that is not known.
    """

    name: str
    card: Card
    revision: str
    source: str
    origin: str = ""
    created: float = 0.0

    @property
    def ref(self) -> str:
        """The reference that names exactly this revision."""
        return f"{self.name}@{self.revision[:12]}"

    @property
    def summary(self) -> Summary:
        """What `zoo list` shows of it."""
        card = self.card
        return Summary(
            self.name, self.revision, self.source, card.task, card.parameters, card.bytes, card.tags, self.created
        )  # fmt: skip


def model_of_text(
    zoo_json: bytes, source: str, *, name: str = "", origin: str = "", created: float = 0.0, where: str = CARD_FILE
) -> Model:
    """Make a model of a card's text, which its revision is the sha256 of.

    The text is what counts: a card of another version has fields that this one would leave out or add.

    Raises:
        ZooError: the text is no card.
    """
    card = decode(zoo_json, where)
    return Model(name or card.name, card, hashlib.sha256(zoo_json).hexdigest(), source, origin, created)
