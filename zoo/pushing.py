"""Publishing: a run or model into the catalogue here, and from there to a hub, registry or bucket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.card import CARD_FILE, SIGNATURE_FILE, Card
from registry.errors import ZooError
from registry.model import Model
from registry.ref import MAIN, Ref, check_label
from registry.shelf import Shelf
from registry.sources.remote import Destination, Pushed
from registry.spot import Spot
from registry.watch import Watch
from zoo.laying import laid, sign, signature_of
from zoo.publishing import Publishable


@dataclass(frozen=True)
class Terms:
    """How something is published.

    Attributes:
        name: its name in the catalogue here; None for the one that it has, or the target's last segment.
        to: where else it goes; None for nowhere.
        tag: another name for the revision, here and there.
        branch: which branch goes on here.
        update: whether the name here may exist.
        private: whether a repo that is made there is hidden from others.
        sign: a private key to sign with.
        allow_unsafe: whether formats that can carry code may go out.
    """

    name: str | None = None
    to: Ref | None = None
    tag: str = ""
    branch: str = MAIN
    update: bool = False
    private: bool = False
    sign: Path | None = None
    allow_unsafe: bool = False

    def __post_init__(self) -> None:
        """Refuse a tag or branch that can be none; raises `ZooError`."""
        for label in (self.branch, *([self.tag] if self.tag else [])):
            check_label(label)


@dataclass(frozen=True)
class Published:
    """What came of it: the model here, where it lies elsewhere, and whether it was signed."""

    model: Model
    pushed: Pushed | None
    signed: bool


@dataclass(frozen=True)
class Publication:
    """Something that is ready to be published, checked but for what only doing it shows.

    Attributes:
        what: a run's model that is to be committed, or a model that is in the catalogue.
        spot: where in the catalogue here it goes; None where it is there.
        terms: how.
        target: where else it goes; None for nowhere.
        signed: whether it has a signature, or gets one.
    """

    what: Publishable | Model
    spot: Spot | None
    terms: Terms
    target: Destination | None
    signed: bool

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.what.card

    @property
    def name(self) -> str:
        """The model's name here."""
        if self.spot:
            return self.spot.name
        return self.what.name if isinstance(self.what, Model) else self.card.name

    @property
    def paths(self) -> list[str]:
        """All files that would go out."""
        files = self.what.paths if isinstance(self.what, Publishable) else [file.path for file in self.what.card.files]
        return sorted([*files, CARD_FILE, *([SIGNATURE_FILE] if self.signed else [])])

    def run(self, watch: Watch) -> Published:
        """Commit, sign and push it, in this order: what is pushed is in the catalogue here first."""
        shelf = Shelf()
        model = self._here(shelf)
        signature = self._signature(shelf, model)
        if self.target is None or self.terms.to is None:
            return Published(model, None, self.signed)
        with laid(shelf, model, signature) as folder:
            try:
                pushed = self.target.push(
                    folder, model.card, self.terms.to, tag=self.terms.tag or None, private=self.terms.private,
                    watch=watch,
                )  # fmt: skip
            except ZooError as error:
                if self.spot is None:  # nothing that would have to be said was done here
                    raise
                here = f"{model.ref} is in the catalogue here; publishing it to {self.terms.to} failed"
                raise ZooError(f"{here}: {error.message}", error.hint) from error
        return Published(model, pushed, self.signed)

    def _here(self, shelf: Shelf) -> Model:
        if isinstance(self.what, Publishable):
            return self.what.commit()
        if self.spot:
            with laid(shelf, self.what, None) as folder:
                model = shelf.adopt((folder / CARD_FILE).read_bytes(), folder, self.spot)
            if signature := signature_of(shelf, self.what):
                shelf.local.sign(model, signature)
            return model
        if self.terms.tag and self.what.source == shelf.local.name:
            shelf.local.tag(self.what, self.terms.tag)
        return self.what

    def _signature(self, shelf: Shelf, model: Model) -> bytes | None:
        if self.terms.sign is None:
            return signature_of(shelf, model)
        signature = sign(shelf, model, self.terms.sign)
        if model.source == shelf.local.name:
            shelf.local.sign(model, signature)
        return signature
