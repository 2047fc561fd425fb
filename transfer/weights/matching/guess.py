"""Rules to start from, where names and shapes do not tell where arrays go. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from transfer.weights.matching.match import Pairs
from transfer.weights.matching.order import Found, only_matching
from transfer.weights.matching.roles import Group
from transfer.weights.target import Module, Shape, Target

MOST = 20  # rules


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

    def turns(self, names: Sequence[str], target: Target) -> bool:
        """Tell whether a weight can be made from arrays of these shapes."""


def guess(sides: Unaligned, known: Pairs, found: Found) -> str:
    """Return a rule for each name of the file, and as comments what does not fit; empty where nothing fits.

    Args:
        sides: what could not be aligned.
        known: what is settled.
        found: the way through the layers, as far as there is one.
    """
    fitting = _fitting(sides, found)
    if not (known or fitting):
        return ""
    alike = _alike(sides, fitting)
    rules = [*_lines(known), *_lines(fitting), *_misfits(sides, alike)]
    placed = {name for names in [*fitting.values(), *alike.values()] for name in names}
    over = [f"{re.escape(name)} =" for source in sides.sources for name in source.names if name not in placed]
    empty = [one.name for module in sides.modules for one in module.targets if one.name not in {*fitting, *alike}]
    return "\n".join(_shown([*rules, *_headed("# for these there is no layer:", over)], empty))


def _shown(rules: Sequence[str], empty: Sequence[str]) -> Iterator[str]:
    yield from rules[:MOST]
    if len(rules) > MOST:
        yield f"# and {len(rules) - MOST} more"
    if empty:
        more = f" and {len(empty) - MOST} more" if len(empty) > MOST else ""
        yield f"# nothing is left for {', '.join(empty[:MOST])}{more}"


def _headed(head: str, lines: Sequence[str]) -> list[str]:
    return [f"{head}\n{lines[0]}", *lines[1:]] if lines else []


def _lines(pairs: Pairs) -> Iterator[str]:
    for target, names in pairs.items():
        yield from (f"{re.escape(name)} = {target}" for name in names)


def _fitting(sides: Unaligned, found: Found) -> Pairs:
    """Take the way that was found, then for each module the first free layer that it fits."""
    chosen: Pairs = {}
    free: dict[int, Module] = dict(enumerate(sides.modules))
    hopeless = set[tuple[object, ...]]()  # shapes that fit no free layer, so that a large file is not tried one by one
    for number, source in enumerate(sides.sources):
        kind = _kind(sides, source)
        placed = found.places[number : number + 1]
        wanted: Sequence[int] = placed or (() if kind in hopeless else tuple(free))
        for place in wanted:
            pairs = sides.pairs(source, free[place]) if place in free else None
            if pairs is not None:
                chosen |= pairs
                del free[place]
                break
        else:
            hopeless |= set() if placed else {kind}
    return chosen


def _kind(sides: Unaligned, source: Group) -> tuple[object, ...]:
    """Return all of a module that decides where it fits: modules of one kind fit the same layers."""
    items = ((item.roles, item.place, *(sides.shapes[name] for name in item.names)) for item in source.items)
    return (source.reverse, *items)


def _alike(sides: Unaligned, fitting: Pairs) -> Pairs:
    """Give each module that fits nothing the first free layer that holds the same kinds of arrays."""
    chosen: Pairs = {}
    placed = {name for names in fitting.values() for name in names}
    free = [module for module in sides.modules if module.targets[0].name not in fitting]
    hopeless = set[tuple[object, ...]]()  # kinds that no free layer holds, so that a large file is not tried one by one
    for source in (source for source in sides.sources if source.names[0] not in placed):
        kinds = (source.reverse, *((item.roles, len(sides.shapes[item.names[0]])) for item in source.items))
        ways = ((module, _same_kinds(source, module, sides.shapes)) for module in free if kinds not in hopeless)
        module, pairs = next(((module, way) for module, way in ways if way), (None, None))
        if module and pairs:
            chosen |= pairs
            free.remove(module)
        else:
            hopeless.add(kinds)
    return chosen


def _same_kinds(source: Group, module: Module, shapes: Mapping[str, Shape]) -> Pairs | None:
    if len(source.items) != len(module.targets) or source.reverse != module.reverse:
        return None
    fits = [
        [
            (not item.roles or target.role in item.roles) and len(shapes[item.names[0]]) == len(target.shape)
            for target in module.targets
        ]
        for item in source.items
    ]
    places = only_matching(fits)
    if places is None:
        return None
    return {module.targets[place].name: item.names for place, item in zip(places, source.items, strict=True)}


def _misfits(sides: Unaligned, pairs: Pairs) -> Iterator[str]:
    """Yield the rules of modules of another shape, with a comment where an array does not fit."""
    targets = {target.name: target for module in sides.modules for target in module.targets}
    for name, sources in pairs.items():
        shapes = " and ".join(f"{source} {list(sides.shapes[source])}" for source in sources)
        why = f"# another shape: {shapes}, {name} {list(targets[name].shape)}\n"
        yield ("" if sides.turns(sources, targets[name]) else why) + "\n".join(_lines({name: sources}))


def example(names: Iterable[str], targets: Iterable[str]) -> str:
    r"""Return a rule as one is written, of the first name of either side.

    >>> example(["fc.weight"], ["top/kernel"])
    'fc\\.weight = top/kernel'
    """
    return f"{re.escape(next(iter(names), 'fc.weight'))} = {next(iter(targets), 'top/kernel')}"
