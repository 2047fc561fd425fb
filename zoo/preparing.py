"""What is to be published and where, with everything checked that can be checked before it is done."""

from __future__ import annotations

import tempfile
from pathlib import Path

from registry import policy, signatures
from registry.errors import ZooError
from registry.model import Model
from registry.pulling import is_offered
from registry.ref import MAIN
from registry.shelf import Shelf, tag_taken, tagless
from registry.sources.table import destination, remote
from registry.spot import Spot
from registry.trust import refuse_unsafe
from zoo.laying import signature_of
from zoo.publishing import Publishable, of_run
from zoo.pushing import Publication, Terms


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
        raise tagless(model.name)
    elif terms.tag and (known := shelf.local.find(model.name, terms.tag)) and known.revision != model.revision:
        raise tag_taken(model.name, terms.tag, known)


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
