"""What the catalogue tells of a repo besides its models: its history and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from registry.errors import ZooError

LOCAL = "local"


@dataclass(frozen=True)
class Entry:
    """One line of a repo's history.

    Attributes:
        revision: what was committed.
        previous: the revision before it on its branch; None for the first.
        created: when, in Unix seconds.
        origin: the pinned reference that it was pulled from; empty for one that was made here.
    """

    revision: str
    previous: str | None
    created: float
    origin: str


@dataclass(frozen=True)
class Label:
    """A name for a revision: a branch, which moves with each commit, or a tag, which stays."""

    name: str
    kind: Literal["branch", "tag"]
    revision: str


def taken(name: str) -> ZooError:
    """Say that a name is in use."""
    return ZooError(f"the name {name!r} is taken", "choose another with --as, or add a revision to it with --update")
