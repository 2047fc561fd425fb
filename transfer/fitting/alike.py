"""Small tensors of one kind, which are measured together: an operation each takes longer than its arithmetic."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

MANY = 3  # from here on stacking tensors saves operations
NUMBERS = 2**18  # in a stack; what is larger is not copied


def alike(kinds: Sequence[Hashable], sizes: Sequence[int]) -> list[list[int]]:
    """Return the places of what is of one kind: many small ones together, and all others by themselves.

    >>> alike("abaab", [10, 10, 10, 10, 10])
    [[0, 2, 3], [1], [4]]
    """
    groups: dict[Hashable, list[int]] = {}
    for place, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(place)
    found = list[list[int]]()
    for places in groups.values():
        together = len(places) >= MANY and sum(sizes[place] for place in places) <= NUMBERS
        found.extend([places] if together else [[place] for place in places])
    return found
