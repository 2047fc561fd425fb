"""What is said when names and shapes do not tell where arrays go, with rules to start from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from registry.errors import ZooError
from transfer.weights.matching.match import Pairs
from transfer.weights.matching.order import Found
from transfer.weights.matching.roles import Group
from transfer.weights.target import Module, Shape

MOST = 20  # names a side, and rules


class Unaligned(Protocol):
    """The two sides; see `transfer.weights.matching.align.Sides`."""

    @property
    def sources(self) -> tuple[Group, ...]:
        """The file's modules."""

    @property
    def modules(self) -> tuple[Module, ...]:
        """The model's layers."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The arrays' shapes."""

    def pairs(self, source: Group, module: Module) -> Pairs | None:
        """Which arrays go into which weights of a layer."""


def refusal(sides: Unaligned, known: Pairs, found: Found, why: str) -> ZooError:
    """Return the error that lists both sides, with a first guess at the rules."""
    names = [name for source in sides.sources for name in source.names]
    targets = [target for module in sides.modules for target in module.targets]
    theirs = some(f"{name} {list(sides.shapes[name])}" for name in names)
    ours = some(f"{target.name} {list(target.shape)}" for target in targets)
    rules = list(_lines({**known, **_guess(sides, found)}))
    more = f"\n# and {len(rules) - MOST} more" if len(rules) > MOST else ""
    return ZooError(
        f"names and shapes do not say by themselves which arrays go where: {why}\n"
        f"without a place, in the file: {theirs}\nwithout an array, in the model: {ours}",
        "write rules, 'regex = scope/weight', and give them by --map RULES; a guess to correct:\n"
        + "\n".join(rules[:MOST])
        + more,
    )


def some(names: Iterable[str]) -> str:
    """List up to twenty names and say how many more there are.

    >>> some(["a", "b"]), some([])
    ('a, b', 'none')
    """
    known = list(names)
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return (", ".join(known[:MOST]) or "none") + more


def _guess(sides: Unaligned, found: Found) -> Pairs:
    """Take the way that was found, then for each module the first free layer that it fits."""
    chosen: Pairs = {}
    free: dict[int, Module] = dict(enumerate(sides.modules))
    for number, source in enumerate(sides.sources):
        wanted: Sequence[int] = found.places[number : number + 1] or tuple(free)
        for place in wanted:
            pairs = sides.pairs(source, free[place]) if place in free else None
            if pairs is not None:
                chosen |= pairs
                del free[place]
                break
    return chosen


def _lines(pairs: Pairs) -> Iterator[str]:
    for target, names in pairs.items():
        yield from (f"{re.escape(name)} = {target}" for name in names)
