"""Which source serves a scheme: the entry points of the group `zoo.sources`, our own and those of third parties."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import cast

from registry.errors import ZooError, near
from registry.sources.remote import Destination, Remote, Searchable

GROUP = "zoo.sources"


def remote(scheme: str) -> Remote:
    """Return the source of a scheme.

    Raises:
        ZooError: there is none, or it cannot be loaded.
    """
    points = entry_points(group=GROUP)
    chosen = next(iter(points.select(name=scheme)), None)
    if chosen is None:
        raise ZooError(f"no source is named {scheme!r}", near(scheme, points.names))
    try:
        return cast(Remote, chosen.load()())
    except (ImportError, AttributeError) as error:
        package = chosen.dist.name if chosen.dist else chosen.value
        raise ZooError(f"the source {scheme!r} of {package} cannot be loaded: {error}") from error


def searchable(scheme: str) -> Searchable:
    """Return a source that can be searched; raises `ZooError` where it cannot."""
    source = remote(scheme)
    if isinstance(source, Searchable):
        return source
    raise _unable(scheme, "searched", [name for name in schemes() if isinstance(remote(name), Searchable)])


def destination(scheme: str) -> Destination:
    """Return a source that can be published to; raises `ZooError` where it cannot."""
    source = remote(scheme)
    if isinstance(source, Destination):
        return source
    raise _unable(scheme, "published to", [name for name in schemes() if isinstance(remote(name), Destination)])


def schemes() -> list[str]:
    """Return the schemes that have a source."""
    return sorted(entry_points(group=GROUP).names)


def _unable(scheme: str, what: str, able: list[str]) -> ZooError:
    return ZooError(f"the source {scheme!r} cannot be {what}", f"these can: {', '.join(able)}")
