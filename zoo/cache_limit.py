"""The feature cache of this home, kept to the size that `$ZOO_CACHE_MAX` allows."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from registry.home import Home
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
    """After some work, remove from the cache what was used longest ago, where there is too much.

    Raises:
        ZooError: the limit is no size; this is said before the work.
    """
    most = limit()
    yield
    if most is not None:
        from transfer.cache_upkeep import prune

        gc.collect()  # arrays of the work just done hold their files as long as they live
        prune(home.cache, most)
