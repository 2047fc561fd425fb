"""Removing a model or a revision: what depends on it is looked at first."""

from __future__ import annotations

from dataclasses import dataclass

from registry.collect import discard
from registry.errors import ZooError
from registry.lineage import children
from registry.model import Model
from registry.ref import Ref
from registry.shelf import Shelf
from zoo.output import count


@dataclass(frozen=True)
class Removal:
    """What would be removed.

    Attributes:
        name: of the model.
        revision: the one to remove; None for the whole model.
        revisions: all that go, the oldest first.
        dependants: models that were made from them and stay.
    """

    name: str
    revision: str | None
    revisions: tuple[str, ...]
    dependants: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say what goes."""
        whole = f"{self.name} with {count(len(self.revisions), 'revision')}"
        which = f"{self.name}@{self.revision[:12]}" if self.revision else whole
        return which + (f", which {', '.join(self.dependants)} came from" if self.dependants else "")

    def run(self) -> int:
        """Remove it; return how many bytes that freed."""
        shelf = Shelf()
        shelf.local.workspaces.sweep()
        dead = shelf.local.catalogue.remove(self.name, self.revision)
        return discard(shelf.local, dead)


def prepare(text: str, *, force: bool = False) -> Removal:
    """Find out what a removal means.

    Args:
        text: `NAME`, or `NAME@REV` for one revision.
        force: allow it where other models were made from it.

    Raises:
        ZooError: there is no such model, it ships with the package, or others were made from it.
    """
    shelf = Shelf()
    model = shelf.find(text)
    if model.source != shelf.local.name:
        raise ZooError(f"{model.name} ships with zoo and cannot be removed", "pip uninstall zoo removes it")
    one = Ref.parse(text).revision is not None
    going = [model] if one else list(shelf.local.catalogue.all_models(model.name))
    dependants = _dependants(shelf, going)
    if dependants and not force:
        raise ZooError(f"{text} is what {', '.join(dependants)} came from", "pass --force to remove it all the same")
    return Removal(model.name, model.revision if one else None, tuple(one.revision for one in going), dependants)


def _dependants(shelf: Shelf, going: list[Model]) -> tuple[str, ...]:
    gone = {(model.name, model.revision) for model in going}
    last = [model for model in going if not _stays(shelf, model, gone)]
    made = [child for model in last for child in children(shelf, model)]
    return tuple(sorted({child.ref for child in made if (child.name, child.revision) not in gone}))


def _stays(shelf: Shelf, model: Model, gone: set[tuple[str, str]]) -> bool:
    """Say whether the revision is there under another name as well."""
    holders = shelf.local.catalogue.by_revision(model.revision)
    return any((holder.name, holder.revision) not in gone for holder in holders)
