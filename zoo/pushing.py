"""Publishing: a run or model into the catalogue here, and from there to a hub, registry or bucket."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from registry import policy, signatures
from registry.card import CARD_FILE, SIGNATURE_FILE, Card
from registry.errors import ZooError
from registry.model import Model
from registry.pulling import is_offered
from registry.ref import Ref
from registry.shelf import Shelf
from registry.sources.remote import Destination, Pushed
from registry.sources.table import destination, remote
from registry.spot import MAIN, Spot
from registry.trust import refuse_unsafe
from registry.watch import Watch
from zoo.laying import laid, sign, signature_of
from zoo.publishing import Publishable, of_run


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
            model = shelf.adopt(shelf.zoo_json(self.what), shelf.folder(self.what), self.spot)
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


def prepare(what: str, terms: Terms) -> Publication:
    """Find what is to be published, and check everything that can be checked before it is done.

    Args:
        what: a model's name, or a run: its identifier, the beginning of one, or `last`.
        terms: how.

    Raises:
        ZooError: it is unknown, a name is taken, a file may not go out, or the policy forbids it.
    """
    shelf = Shelf()
    policy.read(shelf.home).check_publish(signed=terms.sign is not None, unsafe=terms.allow_unsafe)
    target = destination(terms.to.source) if terms.to else None
    if terms.sign:
        _check_key(terms.sign)
    model = _model(shelf, what)
    spot = _spot(model, terms)
    if spot and (target or terms.tag or terms.sign) and (done := _done(shelf, what, model, spot)):
        model, spot = done, None
    if model is None:
        assert spot is not None
        made: Publishable | Model = of_run(what, spot)
    else:
        made = model
        _check_model(shelf, model, spot, terms)
    signed = terms.sign is not None or (model is not None and signature_of(shelf, model) is not None)
    publication = Publication(made, spot, terms, target, signed)
    if target:
        refuse_unsafe(publication.paths, terms.allow_unsafe)
        _check_tag(shelf, model, terms)
    return publication


def _check_model(shelf: Shelf, model: Model, spot: Spot | None, terms: Terms) -> None:
    """Refuse what cannot be done with a model of the catalogue."""
    if spot:
        shelf.check_free(spot)
    elif not (terms.to or terms.tag or terms.sign):
        raise ZooError(
            f"{model.name} is in the catalogue already", "publish it elsewhere with --to, or give --as or --tag"
        )
    elif terms.tag and not terms.to and model.source != shelf.local.name:
        raise ZooError(
            f"{model.name} ships with zoo and has no tags", f"zoo publish {model.name} --as NAME makes it yours"
        )
    elif terms.tag and (known := shelf.local.find(model.name, terms.tag)) and known.revision != model.revision:
        raise ZooError(
            f"the tag {terms.tag!r} of {model.name} names {known.revision[:12]} already", "choose another tag"
        )


def _check_tag(shelf: Shelf, model: Model | None, terms: Terms) -> None:
    """Refuse a tag that names another revision there, before anything is changed here; in OCI registries tags move."""
    if not terms.tag or terms.to is None or terms.to.source == "oci":
        return
    try:
        listing = remote(terms.to.source).resolve(terms.to.at(terms.tag))
    except ZooError:  # nothing is called so; or else the reason comes with the publishing itself
        return
    if model is None or not is_offered(listing.files, shelf.zoo_json(model)):
        raise ZooError(f"{terms.to} has a tag {terms.tag!r} already; nothing was changed", "choose another --tag")


def _model(shelf: Shelf, what: str) -> Model | None:
    """Return the model of that name; None where it names a run."""
    from transfer.runs import Runs

    runs = Runs(shelf.home.runs)
    try:
        return shelf.find(what)
    except ZooError as error:
        if what == "last" or any(run.id.startswith(what) for run in runs.all()):
            return None
        raise ZooError(f"{error.message}, and no run", error.hint) from error


def _spot(model: Model | None, terms: Terms) -> Spot | None:
    if model is not None and terms.name in (None, model.name):
        return None if terms.branch == MAIN else Spot(model.name, terms.branch, terms.tag, update=True)
    name = terms.name or (terms.to.name.rpartition("/")[2] if terms.to else "")
    if not name:
        raise ZooError("a run's model needs a name in the catalogue", "pass --as NAME")
    return Spot(name, terms.branch, terms.tag, terms.update)


def _done(shelf: Shelf, what: str, model: Model | None, spot: Spot) -> Model | None:
    """Return the model that an earlier try has put into its spot, where what came after that failed."""
    from transfer.runs import Runs

    there = shelf.local.find(spot.name, spot.branch)
    if there is None:
        return None
    if model:
        return there if there.revision == model.revision else None
    run = there.card.lineage.run if there.card.lineage else ""
    return there if run == Runs(shelf.home.runs).find(what).id else None


def _check_key(key: Path) -> None:
    """Sign nothing: a key that cannot be used is found before anything is changed."""
    with tempfile.TemporaryDirectory() as nothing:
        signatures.sign(Path(nothing), key)
