"""Is there exactly one way to put things into places? Pure.

`only_matching`: any order. `only_extension`: the things come in an order in which the places may be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDEST = 2_000  # sets of places that are followed at once; a plain net has a handful


@dataclass(frozen=True)
class Found:
    """What the search found.

    Attributes:
        ways: how many there are: 0, 1, or 2 for more.
        places: the place of each thing in one of them; where there is none, of as many things as could be placed.
    """

    ways: int
    places: tuple[int, ...] = ()


def only_matching(fits: Sequence[Sequence[bool]]) -> tuple[int, ...] | None:
    """Return the place of each thing if there is exactly one way to fill all places, else None.

    A bipartite graph that has only one perfect matching has a vertex with one edge (else an alternating cycle would
    give another matching); take that edge, and what is left has only one, too.

    >>> only_matching([[True, True], [False, True]]), only_matching([[True, True], [True, True]])
    ((0, 1), None)
    """
    options = {thing: {place for place, fit in enumerate(row) if fit} for thing, row in enumerate(fits)}
    if any(len(row) != len(fits) for row in fits):
        return None
    chosen: dict[int, int] = {}
    while options:
        forced = next((thing for thing, places in options.items() if len(places) == 1), None)
        if forced is None:
            return None
        (place,) = options.pop(forced)
        chosen[forced] = place
        for places in options.values():
            places.discard(place)
    return tuple(chosen[thing] for thing in range(len(fits)))


def only_extension(fits: Sequence[Sequence[bool]], after: Sequence[frozenset[int]]) -> Found:
    """Count the ways to fill places in the order of the things, each place after those that it depends on.

    Follows the sets of filled places, thing by thing; each way is a linear extension of the places' partial order.

    Args:
        fits: whether thing i fits place k.
        after: the places that have to be filled before each place.

    >>> only_extension([[True, True], [True, True]], [frozenset(), frozenset({0})])
    Found(ways=1, places=(0, 1))
    >>> only_extension([[True, True], [True, True]], [frozenset(), frozenset()]).ways
    2
    """
    needs = [sum(1 << place for place in places) for places in after]
    reached: dict[int, tuple[int, tuple[int, ...]]] = {0: (1, ())}
    for row in fits:
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for filled, (ways, path) in reached.items():
            for place, need in enumerate(needs):
                if row[place] and not filled >> place & 1 and need & filled == need:
                    before, _ = following.get(filled | 1 << place, (0, ()))
                    following[filled | 1 << place] = (min(2, before + ways), (*path, place))
        if not following:
            return Found(0, next(iter(reached.values()))[1])
        if len(following) > WIDEST:
            return Found(2)
        reached = following
    ways, path = reached.get((1 << len(needs)) - 1, (0, ()))
    return Found(ways, path)
