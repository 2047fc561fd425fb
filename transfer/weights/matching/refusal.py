"""What is said when names and shapes do not tell where arrays go, with rules to start from. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from registry.errors import ZooError, first_few
from transfer.weights.matching.guess import Unaligned, example, guess
from transfer.weights.matching.match import Pairs
from transfer.weights.matching.order import Found

MOST = 20  # names a side


def refusal(sides: Unaligned, known: Pairs, found: Found, why: str) -> ZooError:
    """Return the error that lists both sides, with a first guess at the rules."""
    names = [name for source in sides.sources for name in source.names]
    targets = [target for module in sides.modules for target in module.targets]
    theirs = some(f"{name} {list(sides.shapes[name])}" for name in names)
    ours = some(f"{target.name} {list(target.shape)}" for target in targets)
    rules = guess(sides, known, found)
    how = "write rules, 'regex = scope/weight', and give them by --map RULES"
    one = example(names, (target.name for target in targets))
    none = f"{how}; no array fits a weight, so perhaps it is another architecture. A rule looks so:\n{one}"
    return ZooError(
        f"names and shapes do not say by themselves which arrays go where: {why}\n"
        f"without a place, in the file: {theirs}\nwithout an array, in the model: {ours}",
        f"{how}; a guess to correct:\n{rules}" if rules else none,
    )


def some(names: Iterable[str]) -> str:
    """List up to twenty names and say how many more there are.

    >>> some(["a", "b"]), some([])
    ('a, b', 'none')
    """
    return first_few(names, MOST) or "none"
