"""Pulling a model from a remote source: resolve, download, check, import where needed, put into the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from registry import policy, signatures
from registry.card import CARD_FILE, SIGNATURE_FILE, Card, Lineage, decode
from registry.errors import ZooError
from registry.formats import format_of
from registry.model import Model
from registry.policy import Policy
from registry.pulling import Offer, downloaded, is_offered, offer, place_of
from registry.ref import Ref, check_label, check_path
from registry.shelf import Shelf
from registry.sources.local import paths_of
from registry.spot import MAIN, Spot
from registry.trust import refuse_unsafe
from registry.watch import Watch
from zoo.front_matter import Facts, read_front_matter
from zoo.publishing import Importable, described

if TYPE_CHECKING:
    from transfer.importers.imported import Imported

KEPT = ("LICENSE", "LICENCE", "NOTICE")  # what goes along with a model that is imported anew


@dataclass(frozen=True)
class Pulled:
    """What a pull came to: the model here, and the account of its import where there was one."""

    model: Model
    imported: Imported | None = None
    signed: bool = False


@dataclass(frozen=True)
class Pull:
    """A reference that was resolved, and everything decided.

    Attributes:
        offer: what would be downloaded.
        spot: where in the catalogue it goes.
        known: the model, where it is here already.
        trusted: the policy, which may want a signature.
        key: a public key that the user wants it signed with, or None.
        convert: whether a format that can be read becomes a Keras model.
    """

    offer: Offer
    spot: Spot
    known: Model | None
    trusted: Policy
    key: Path | None
    convert: bool

    def run(self, watch: Watch) -> Pulled:
        """Download and store it; what is here already is downloaded only to check its signature."""
        shelf, signed = Shelf(), self.trusted.require_signature or self.key is not None
        if self.known and self.spot.tag:
            shelf.local.tag(self.known, self.spot.tag)
        if self.known and not signed:
            return Pulled(self.known)
        with downloaded(self.offer, shelf.home.downloads, watch) as folder:
            signature = _signature(folder)
            self._check(folder, signature)
            if self.known:
                return Pulled(self.known, signed=signed)
            if (folder / CARD_FILE).is_file():
                model = _adopt(shelf, folder, self)
                if signature:
                    shelf.local.sign(model, signature)
                return Pulled(model, signed=signed)
            return replace(_foreign(shelf, folder, self), signed=signed)

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
    convert: bool = True,
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
        convert: import formats that can be.

    Raises:
        ZooError: it is unknown, cannot be reached, holds nothing that may be taken, or the name is taken.
    """
    ref = Ref.parse(text)
    if not ref.source:
        raise ZooError(f"{text} names a model on this machine", "zoo pull hf://org/name; zoo search WORDS --in hf")
    shelf = Shelf()
    trusted = policy.read(shelf.home)
    trusted.check_unsafe(allow_unsafe)
    offered = offer(ref, include=include, allow_unsafe=allow_unsafe)
    known = _known(shelf, name, offered, convert)
    chosen = known.name if known else name or offered.listing.name
    same = _same_place(shelf, chosen, offered)
    branch = _branch(ref.revision) if same and not update else MAIN
    spot = Spot(chosen, branch, tag, update or same, str(offered.listing.ref))
    if not known:
        shelf.check_free(spot)
    return Pull(offered, spot, known, trusted, verify_with, convert)


def _branch(revision: str | None) -> str:
    """Choose the branch for a further revision: one that is asked for by name does not change what NAME means here."""
    if revision is None:
        return MAIN
    try:
        return check_label(revision)
    except ZooError:  # a commit
        return "pulled"


def _known(shelf: Shelf, name: str | None, offered: Offer, convert: bool) -> Model | None:
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


def _is_what_was_asked(model: Model, offered: Offer, convert: bool) -> bool:
    """Say whether a model from the same place was made in the same way, of all the files that are asked for now."""
    taken = {file.path for file in offered.taken}
    if CARD_FILE in taken or any(file.archive for file in offered.taken):
        return True
    if convert and _can_import(format_of(taken)[0]):
        return bool(model.card.layers)
    return not model.card.layers and taken <= {file.path for file in model.card.files}


def _same_place(shelf: Shelf, name: str, offered: Offer) -> bool:
    here = shelf.local.find(name)
    if here is None or not here.origin:
        return False
    old, new = Ref.parse(here.origin), offered.listing.ref
    return (old.source, place_of(old), old.file) == (new.source, place_of(new), new.file)


def _signature(folder: Path) -> bytes | None:
    path = folder / SIGNATURE_FILE
    return path.read_bytes() if path.is_file() else None


def _adopt(shelf: Shelf, folder: Path, pull: Pull) -> Model:
    """Store a model of ours as it is, under its own revision."""
    zoo_json = (folder / CARD_FILE).read_bytes()
    card = decode(zoo_json, f"zoo.json of {pull.offer.listing.ref}")
    for file in card.files:
        if not (folder / file.path).is_file():
            why = pull.offer.left.get(file.path, "it is not there")
            raise ZooError(f"{pull.offer.listing.ref} lacks {file.path}, which its card lists: {why}")
    refuse_unsafe([file.path for file in card.files], pull.offer.allow_unsafe)
    try:
        for path in {card.weights, card.tests} - {"", "."}:
            check_path(path)
    except ValueError as error:
        raise ZooError(f"zoo.json of {pull.offer.listing.ref} is refused: {error}") from error
    return shelf.adopt(zoo_json, folder, pull.spot)


def _foreign(shelf: Shelf, folder: Path, pull: Pull) -> Pulled:
    """Store another's model: imported where its format can be read, as it is otherwise."""
    paths = paths_of(folder)
    format, weights = format_of(paths)
    facts = _facts(folder, pull)
    parent = _parent(pull.offer.listing.ref)
    if pull.convert and _can_import(format):
        with _named(str(folder / weights), f"{weights} of {pull.offer.listing.ref}"):
            imported = _imported(format, str(folder / weights))
        extra = {path: folder / path for path in paths if path.upper().startswith(KEPT)}
        if "README.md" in paths:
            extra["README.origin.md"] = folder / "README.md"
        return Pulled(Importable(imported, pull.spot, parent, facts, extra).commit(), imported)
    card = described(Card(pull.spot.name, format, weights, lineage=Lineage(parent)), facts)
    return Pulled(shelf.publish(card, folder, pull.spot))


def _parent(ref: Ref) -> str:
    """Name where a model came from; of a path its last part, for the rest is nobody's business."""
    return PurePath(ref.name).name if ref.source == "file" else str(ref)


def _facts(folder: Path, pull: Pull) -> Facts:
    listing = pull.offer.listing
    path = folder / "README.md"
    said = read_front_matter(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")
    return replace(
        said,
        task=listing.task or said.task,
        license=listing.license or said.license,
        summary=listing.summary or said.summary or f"pulled from {_parent(listing.ref)}",
        tags=tuple(dict.fromkeys((*listing.tags, *said.tags))),
    )


def _can_import(format: str) -> bool:
    from transfer.importers.table import IMPORTERS

    return format in {importer.format for importer in IMPORTERS}


def _imported(format: str, path: str) -> Imported:
    from zoo.opening import start_tensorflow

    start_tensorflow()
    from transfer.importers.table import importer_of

    imported: Imported = importer_of(format).read(path, input=None, output=None)
    return imported


@contextmanager
def _named(path: str, name: str) -> Iterator[None]:
    """Let what goes wrong with an import name the model, not the folder that is gone by then, and say the way out."""
    try:
        yield
    except ZooError as error:
        hint = f"{error.hint}; --no-import stores the files as they are".lstrip("; ")
        named = error.message.replace(path, name)
        raise ZooError(named if name in named else f"{name} cannot be imported: {named}", hint) from error
