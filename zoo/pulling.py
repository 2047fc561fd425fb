"""Pulling a model from a remote source: resolve, download, check, import where needed, put into the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry import policy, signatures
from registry.card import CARD_FILE, SIGNATURE_FILE, decode
from registry.damage import tidy
from registry.errors import ZooError
from registry.formats import UNKNOWN, format_of
from registry.mending import restore
from registry.model import Model
from registry.policy import Policy
from registry.pulling import Offer, downloaded, is_offered, offer, place_of
from registry.ref import MAIN, Ref, check_label
from registry.shelf import Shelf
from registry.spot import Spot
from registry.trust import refuse_unsafe
from registry.verify import is_whole
from registry.watch import Watch
from zoo.foreign import KERAS, importable, store
from zoo.paths import typed_path

if TYPE_CHECKING:
    from transfer.imported import Imported


OTHERS = "pulled"  # the branch of revisions that were asked for by their commit


@dataclass(frozen=True)
class Pulled:
    """What a pull came to: the model here, the account of its import, or why it was kept as it came."""

    model: Model
    imported: Imported | None = None
    reason: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Pull:
    """A reference that was resolved, and everything decided.

    Attributes:
        offer: what would be downloaded.
        spot: where in the catalogue it goes.
        known: the model, where it is here already.
        whole: whether all of its bytes are, too.
        trusted: the policy, which may want a signature.
        key: a public key that the user wants it signed with, or None.
        convert: the formats that become Keras models.
    """

    offer: Offer
    spot: Spot
    known: Model | None
    whole: bool
    trusted: Policy
    key: Path | None
    convert: frozenset[str]

    @property
    def done(self) -> bool:
        """Whether there is nothing to store: the model is here, and whole."""
        return self.known is not None and self.whole

    def run(self, watch: Watch) -> Pulled:
        """Download and store it; what is here already is downloaded only to restore it, or to check its signature."""
        shelf, signed = Shelf(), self.trusted.require_signature or self.key is not None
        if self.known and self.whole and not signed:
            tidy(shelf.local, self.known)
            return Pulled(_tagged(shelf, self.known, self.spot.tag))
        with downloaded(self.offer, shelf.home.downloads, watch) as folder:
            signature = _signature(folder)
            self._check(folder, signature)
            if self.done or (folder / CARD_FILE).is_file():
                model = self._here(shelf, folder)
                if signature and signatures.revision_signed(signature) == model.revision:
                    shelf.local.sign(model, signature)
                return Pulled(model, signed=signed)
            stored = store(shelf, folder, self.offer.listing, self.spot, self.convert)
            return Pulled(stored.model, stored.imported, stored.reason, signed)

    def _here(self, shelf: Shelf, folder: Path) -> Model:
        """Return a model of ours: as it was here, restored, or as it came."""
        if self.known and not self.whole:
            restore(shelf.local, self.known, _card_of(folder, self), folder)
        return _tagged(shelf, self.known, self.spot.tag) if self.known else _adopt(shelf, folder, self)

    def _check(self, folder: Path, signature: bytes | None) -> None:
        """Refuse what is not signed as the policy and the user want it."""
        ref = str(self.offer.listing.ref)
        if self.trusted.require_signature:
            try:
                signatures.check_any(folder, signature, self.trusted.public_keys, ref)
            except ZooError as error:
                why = f"the policy {self.trusted.path} requires a signature: {error.message}"
                raise ZooError(why, error.hint) from error
        if self.key:
            signatures.check_any(folder, signature, [self.key], ref)


def of_ref(
    text: str,
    name: str | None = None,
    *,
    tag: str = "",
    update: bool = False,
    include: Sequence[str] = (),
    allow_unsafe: bool = False,
    verify_with: Path | None = None,
    convert: Collection[str] | None = None,
) -> Pull:
    """Resolve a remote reference and decide what a pull would do; nothing is downloaded or changed.

    Args:
        text: the reference, `hf://org/name@revision`.
        name: the model's name here; the source's own where it is None.
        tag: another name for the revision.
        update: add a revision to a name that exists; not needed where that was pulled from the same place.
        include: shell patterns of the files to take; all that may be.
        allow_unsafe: take formats that can carry code, too; none of it is run.
        verify_with: a public key that must have signed it.
        convert: the formats to turn into Keras models; all that can be.

    Raises:
        ZooError: it is unknown, cannot be reached, holds nothing that may be taken, or the name is taken.
    """
    ref, formats = Ref.parse(text), importable() if convert is None else frozenset(convert)
    if not ref.source:
        there = f"zoo pull ./{text}" if typed_path(text).exists() else ""
        raise ZooError(
            f"{text} names a model on this machine", there or "zoo pull hf://org/name; zoo search WORDS --in hf"
        )
    shelf = Shelf()
    trusted = policy.read(shelf.home)
    trusted.check_unsafe(allow_unsafe)
    offered = offer(ref, include=include, allow_unsafe=allow_unsafe)
    known = _known(shelf, name, offered, formats)
    chosen = known.name if known else name or offered.listing.name
    signed = any(file.path == SIGNATURE_FILE for file in offered.taken)
    whole = known is not None and is_whole(shelf.local, known, signed=signed)
    same = known is not None or _same_place(shelf, chosen, offered)
    newest = known is not None and shelf.local.find(chosen) == known
    branch = _branch(shelf, chosen, ref.revision, tag) if same and not (update or newest) else MAIN
    spot = Spot(chosen, branch, tag, update or same, str(offered.listing.ref))
    if not known:
        shelf.check_free(spot)
    return Pull(offered, spot, known, whole, trusted, verify_with, formats)


def of_path(path: str, name: str, *, update: bool = False, allow_unsafe: bool = False) -> Pull:
    """Decide how files on this machine are catalogued as they are; the arguments are those of `of_ref`.

    Raises:
        ZooError: there is nothing that may be taken, or the name is taken.
    """
    place = typed_path(path)
    if not place.exists():
        raise ZooError(f"there is nothing at {path}", "zoo pull takes what lies elsewhere: zoo pull hf://org/name")
    made = of_ref(f"file:{place.absolute()}", name, update=update, allow_unsafe=allow_unsafe, convert=(KERAS,))
    if format_of([file.path for file in made.offer.taken])[0] == UNKNOWN:
        raise ZooError(f"there are no weights at {path} in a format that is known", "name the model's file or folder")
    return made


def _branch(shelf: Shelf, name: str, revision: str | None, tag: str) -> str:
    """Choose the branch for a further revision: one that is asked for by name does not change what NAME means here."""
    if revision is None:
        return MAIN
    tags = {label.name for label in shelf.local.catalogue.labels(name) if label.kind == "tag"}
    try:
        return OTHERS if revision in {*tags, tag} else check_label(revision)
    except ZooError:  # a commit
        return OTHERS


def _known(shelf: Shelf, name: str | None, offered: Offer, convert: Collection[str]) -> Model | None:
    """Return the model that this pull would make, where it is here already."""
    origin = str(offered.listing.ref)
    named = shelf.local.find(name or offered.listing.name)
    for model in (shelf.local.catalogue.by_origin(origin), named):
        if model is None or name not in (None, model.name):
            continue
        same = model.origin == origin and offered.pinned and _is_what_was_asked(model, offered, convert)
        if same or (model is named and is_offered(offered.taken, shelf.zoo_json(model))):
            return model
    return None


def _is_what_was_asked(model: Model, offered: Offer, convert: Collection[str]) -> bool:
    """Say whether a model from the same place was made in the same way, of all the files that are asked for now."""
    taken = {file.path for file in offered.taken}
    if CARD_FILE in taken or any(file.archive for file in offered.taken):
        return True
    format = format_of(taken)[0]
    if model.card.layers:
        return format in convert
    if format == KERAS and KERAS in convert:  # of another format it was tried: zoo import can be told more
        return False
    return taken <= {file.path for file in model.card.files}


def _same_place(shelf: Shelf, name: str, offered: Offer) -> bool:
    here = shelf.local.find(name)
    if here is None or not here.origin:
        return False
    old, new = Ref.parse(here.origin), offered.listing.ref
    return (old.source, place_of(old), old.file) == (new.source, place_of(new), new.file)


def _tagged(shelf: Shelf, model: Model, tag: str) -> Model:
    if tag:
        shelf.local.tag(model, tag)
    return model


def _signature(folder: Path) -> bytes | None:
    path = folder / SIGNATURE_FILE
    return path.read_bytes() if path.is_file() else None


def _adopt(shelf: Shelf, folder: Path, pull: Pull) -> Model:
    """Store a model of ours as it is, under its own revision."""
    zoo_json = _card_of(folder, pull)
    return shelf.adopt(zoo_json, folder, pull.spot)


def _card_of(folder: Path, pull: Pull) -> bytes:
    """Return the text of a model's card, after a look at whether the files that it lists are there and may be."""
    zoo_json = (folder / CARD_FILE).read_bytes()
    card = decode(zoo_json, f"zoo.json of {pull.offer.listing.ref}")
    for file in card.files:
        if not (folder / file.path).is_file():
            why = pull.offer.left.get(file.path, "it is not there")
            raise ZooError(f"{pull.offer.listing.ref} lacks {file.path}, which its card lists: {why}")
    refuse_unsafe([file.path for file in card.files], pull.offer.allow_unsafe)
    return zoo_json
