"""What the commands do with the catalogue and with hubs, as functions on values; a command is a call and a print."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.model import Model, Summary
from registry.shelf import Shelf, tagless

if TYPE_CHECKING:
    from registry.collect import Collected
    from registry.lineage import Node
    from registry.rebuild import Rebuilt
    from registry.sources.remote import Found
    from registry.watch import Watch
    from zoo.api import Run


def list(
    pattern: str = "*",
    *,
    source: str | None = None,
    task: str | None = None,
    tag: str | None = None,
    sort: str = "name",
    limit: int | None = None,
) -> builtins.list[Summary]:
    """Return the newest revision of every model that fits; see `registry.shelf.Shelf.summaries`."""
    return Shelf().summaries(pattern, source=source, task=task, tag=tag, sort=sort, limit=limit)


def search(words: str, *, where: str | None = None, limit: int = 20) -> builtins.list[Summary] | builtins.list[Found]:
    """Return models that fit some words, the best first.

    Args:
        words: all of them must fit; empty for any model.
        where: `hf`, `kaggle`, a hub's URL, `oci://HOST`; the catalogue on this machine where it is None.
        limit: how many at most.

    Raises:
        ZooError: the place is unknown, cannot be searched or cannot be reached.
    """
    if where is None:
        return Shelf().search(words, limit)
    from registry.sources.table import searchable

    scheme, place = _place(where)
    return searchable(scheme).search(words, limit, place)


def _place(where: str) -> tuple[str, str]:
    """Split a place to search in into its scheme and what the source calls it: a host for OCI, else a whole address."""
    if where.startswith(("/", "./", "../", "~", "file:")) or where in (".", ".."):
        return "file", where
    scheme, _, rest = where.partition("://")
    return scheme, rest if scheme == "oci" else where if rest else ""


def pull(ref: str, name: str | None = None, *, watch: Watch | None = None, **options: Any) -> Model:
    """Download a model into the catalogue; see `zoo.pulling.of_ref` for the options."""
    from registry.watch import silent
    from zoo.pulling import of_ref

    return of_ref(ref, name, **options).run(watch or silent).model


def lineage(ref: str) -> Node:
    """Return the tree of a model: up to its first ancestor, and down to all that was made from it."""
    from registry.lineage import tree

    shelf = Shelf()
    return tree(shelf, shelf.find(ref))


def tag(ref: str, label: str, *, move: bool = False) -> Model:
    """Give a local model's revision a tag; raises `ZooError` where the tag names another and may not be moved."""
    from registry.ref import check_label

    shelf = Shelf()
    model = shelf.find(ref)
    if model.source != shelf.local.name:
        raise tagless(model.name)
    shelf.local.tag(model, check_label(label), move=move)
    return model


def collect(*, dry_run: bool = False) -> Collected:
    """Remove stored files that no model needs."""
    from registry.collect import collect

    return collect(Shelf().local, dry_run=dry_run)


def rebuild() -> Rebuilt:
    """Make the catalogue anew from the stored files."""
    from registry.rebuild import rebuild

    return rebuild(Shelf().local)


def kept_aside() -> Path | None:
    """Return where `rebuild` would keep the catalogue that there is; None where it would keep none."""
    from registry.rebuild import aside_of

    path = Shelf().home.catalogue
    return aside_of(path) if isinstance(path, Path) and path.exists() else None


def show(ref: str) -> Model:
    """Return a model's card and revision; raises `ZooError` where there is none."""
    return Shelf().find(ref)


@dataclass(frozen=True)
class Kin:
    """What the catalogue knows of a revision beyond its card: its labels, and what was made from it."""

    tags: tuple[str, ...]
    branches: tuple[str, ...]
    children: tuple[str, ...]
    signed: bool


def kin(model: Model) -> Kin:
    """Look a revision's labels, children and signature up."""
    from registry.lineage import children

    shelf = Shelf()
    made = tuple(child.ref for child in children(shelf, model))
    if model.source != shelf.local.name:
        return Kin((), (), made, False)
    labels = [label for label in shelf.local.catalogue.labels(model.name) if label.revision == model.revision]
    return Kin(
        tuple(label.name for label in labels if label.kind == "tag"),
        tuple(label.name for label in labels if label.kind == "branch"),
        made,
        bool(shelf.local.catalogue.signatures(model.name, model.revision)),
    )


def check_free(name: str, *, update: bool = False) -> None:
    """Refuse a name for a new model before any work is done for it; raises `ZooError` where it is taken."""
    from registry.spot import Spot

    Shelf().check_free(Spot(name, update=update))


def publish(what: Run | str, name: str | None = None, *, to: str | None = None, **terms: Any) -> Model:
    """Put a finished run's best model into the catalogue, and it or a catalogued model elsewhere.

    Args:
        what: a run, its identifier, or a model's name.
        name: its name in the catalogue.
        to: where else: `hf://org/name`, a hub's URL, `oci://…`, `s3://…`.
        terms: see `zoo.pushing.Terms`.

    Raises:
        ZooError: something does not fit; see `zoo.preparing.prepare`.
    """
    from registry.ref import Ref
    from registry.watch import silent
    from zoo.preparing import prepare
    from zoo.pushing import Terms

    chosen = Terms(name, Ref.parse(to) if to else None, **terms)
    return prepare(what if isinstance(what, str) else what.folder.id, chosen).run(silent).model
