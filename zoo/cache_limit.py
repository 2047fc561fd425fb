"""The feature cache of this home, kept to the size that `$ZOO_CACHE_MAX` allows."""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from registry.errors import ZooError
from registry.home import Home
from zoo.output import plain, size
from zoo.sizes import parse_size

VARIABLE = "ZOO_CACHE_MAX"


def limit() -> int | None:
    """Return how many bytes the cache may take; None where nothing is said.

    Raises:
        ZooError: what is said is no size.
    """
    text = os.environ.get(VARIABLE, "")
    return parse_size(text, VARIABLE) if text else None


@contextmanager
def within_limit(home: Home) -> Iterator[None]:
    """After some work, also if it failed, remove from the cache what was used longest ago, where there is too much.

    Who interrupts it waits for nothing more; the next work removes it. What cannot be removed is said on stderr, and
    changes nothing about what the work came to.

    Raises:
        ZooError: the limit is no size; this is said before the work.
    """
    most = limit()
    try:
        yield
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # what the work had in its hands holds files
        _keep_to(most, home)
        raise
    _keep_to(most, home)


def _keep_to(most: int | None, home: Home) -> None:
    if most is None:
        return
    from transfer.cache_upkeep import prune

    gc.collect()  # arrays of the work just done hold their files as long as they live
    try:
        done = prune(home.cache, most)
        said = f"the feature cache takes {size(done.left)}, and {VARIABLE} allows {size(most)}"
        notes = [f"{said}: {why}" for why in done.refused[:1] if done.left > most]
    except (OSError, ZooError) as error:
        notes = [f"the feature cache was not looked through for {VARIABLE}: {error}"]
    for note in notes:
        typer.echo(plain(f"note: {note}"), err=True)
