"""Where in the catalogue a revision goes."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ZooError
from registry.ref import MAIN, check_label, check_name


@dataclass(frozen=True)
class Spot:
    """A place for a revision; checked when it is made.

    Attributes:
        name: the model's name.
        branch: which of its branches goes on.
        tag: another name for the revision; empty for none.
        update: whether the name may exist.
        origin: the pinned reference that the revision comes from; empty for one made here.

    Raises:
        ZooError: a name is none.
    """

    name: str
    branch: str = MAIN
    tag: str = ""
    update: bool = False
    origin: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        check_label(self.branch)
        if self.tag:
            check_label(self.tag)
        if self.tag in (MAIN, self.branch):
            raise ZooError(f"{self.tag!r} is a branch: it cannot be a tag as well", "choose another tag")
