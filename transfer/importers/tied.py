"""Arrays of a file that several layers hold: in Keras each has its own copy. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from transfer.imported import Mapped

SHOWN = 5


def tied(layers: Iterable[Mapped]) -> tuple[str, ...]:
    """Return a note for each array that several layers hold, of which the first few are named.

    >>> tied([Mapped("a", "Dense", ("w", "b"), 6), Mapped("c", "Dense", ("w", "d"), 6)])
    ('w is used by 2 layers, which train apart now',)
    """
    users = Counter(name for layer in layers if layer.parameters for name in set(layer.sources))
    shared = {name: count for name, count in sorted(users.items()) if count > 1}
    notes = [f"{name} is used by {count} layers, which train apart now" for name, count in shared.items()]
    more = [f"so are {len(notes) - SHOWN} other arrays"] if len(notes) > SHOWN else []
    return (*notes[:SHOWN], *more)
