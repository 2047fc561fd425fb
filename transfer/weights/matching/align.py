"""Which arrays go into which layers, without rules: aligned by names, structure and shapes, or refused. Pure.

A module of the file (`features.0.conv`: the arrays that share a path) fits a layer when there is exactly one way to
give the layer's weights arrays of the right role (`running_var` is a `moving_variance`) and shape. The alignment is
accepted when it is the only one, by these criteria in turn:

1. Modules whose path is the layer's scope, but for the separators, belong together if they fit.
2. Of the rest, each module fits one layer only, as far as shapes say: whatever the order, there is no other way.
3. Else the file's order counts: a module comes after those that feed it, as in PyTorch's state dicts, which list
   modules as they were defined. So the layers, in the file's order, have to be an order in which data can flow
   through the model, and there must be exactly one that fits: two parallel branches of the same shapes make two.
   Order of definition is a convention and no proof, so modules that could change places are also looked at in pairs,
   and refused when the order is against their numbers (`fc2` before `fc1`), or when the first parts of their paths
   that differ are no such numbers (`encoder/fc`, `decoder/fc`), where only the author knows which comes first.
   Normalisations of different depth (`bn0`, `blocks/0/bn1`) are let pass: they follow the kernels around them.
4. In a file that is sorted by name its order says nothing: there the numbers in the names have to put every two
   modules that could change places into the order in which data flow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from registry.errors import ZooError
from transfer.weights.layouts.layout import turn
from transfer.weights.matching.exceptions import Exceptions
from transfer.weights.matching.match import EXCEPTED, UNCOUNTED, Match, Pairs
from transfer.weights.matching.order import Found, only_extension, only_matching
from transfer.weights.matching.refusal import refusal
from transfer.weights.matching.roles import Group, Item, is_counter, plain, sources
from transfer.weights.target import Module, Shape, Target

FEW = 3  # types of arrays in a file
MANY = 1_000  # arrays that have no place, which is looked for all the same


@dataclass(frozen=True)
class Sides:
    """What is to be aligned: the file's modules and the model's, and which arrays fit where."""

    sources: tuple[Group, ...]
    modules: tuple[Module, ...]
    shapes: Mapping[str, Shape]
    convention: str

    def pairs(self, source: Group, module: Module) -> Pairs | None:
        """Return which arrays of a module go into which weights of a layer, None unless there is one way."""
        if len(source.items) != len(module.targets) or source.reverse != module.reverse or self._differ(source, module):
            return None
        places = only_matching(
            [[self._fits(item, target, place) for place, target in enumerate(module.targets)] for item in source.items]
        )
        if places is None:
            return None
        return {module.targets[place].name: item.names for place, item in zip(places, source.items, strict=True)}

    def _differ(self, source: Group, module: Module) -> bool:
        """Tell by their sizes alone that two modules do not fit; most pairs of a deep net do not."""
        if len(source.names) != len(source.items):  # two arrays that become one
            return False
        theirs = sorted(math.prod(self.shapes[name]) for name in source.names)
        return theirs != sorted(math.prod(target.shape) for target in module.targets)

    def _fits(self, item: Item, target: Target, place: int) -> bool:
        if item.roles and target.role not in item.roles:
            return False
        if self.convention == "keras" and item.place not in (-1, place):
            return False
        return self.turns(item.names, target)

    def has_kernel(self, source: Group) -> bool:
        """Tell whether a module holds more than vectors, as normalisations do."""
        return any(len(self.shapes[name]) > 1 for name in source.names)

    def turns(self, names: Sequence[str], target: Target) -> bool:
        """Tell whether a weight can be made from arrays of these shapes."""
        shapes = [self.shapes[name] for name in names]
        layouts = ("keras", "torch") if self.convention == "numpy" else (self.convention,)
        return any(turn(target, layout, shapes) is not None for layout in layouts)


def align(modules: Sequence[Module], shapes: Mapping[str, Shape], convention: str, excepted: Exceptions) -> Match:
    """Align a file's arrays with a model's layers.

    Args:
        modules: the model's layers with weights.
        shapes: the arrays' shapes by name, in the file's order.
        convention: in whose layout they lie.
        excepted: names on either side that are left out.

    Raises:
        ZooError: there is no alignment or more than one; the hint has rules to start from.
    """
    _refuse_many(len(shapes), sum(len(module.targets) for module in modules))
    left = {name: UNCOUNTED for name in shapes if is_counter(name)}
    left |= {name: EXCEPTED for name in shapes if name in excepted}
    whole = Sides(sources(name for name in shapes if name not in left), _wanted(modules, excepted), shapes, convention)
    pairs = _by_name(whole)
    rest = _without(whole, pairs)
    return Match(pairs | _by_structure(rest, pairs), left)


def _refuse_many(arrays: int, weights: int) -> None:
    if arrays > MANY + 10 * weights:
        raise ZooError(
            f"the file has {arrays:,} arrays and the model {weights:,} weights: there is nothing to align",
            "choose those that the model needs by rules: --map RULES",
        )


def _by_structure(rest: Sides, known: Pairs) -> Pairs:
    if len(rest.sources) != len(rest.modules):
        raise refusal(rest, known, Found(0), "the file has another number of modules than the model has layers")
    fits = [[rest.pairs(source, module) is not None for module in rest.modules] for source in rest.sources]
    places = only_matching(fits)
    if places is None:
        found = only_extension(fits, [module.after for module in rest.modules])
        why = _doubt(rest, fits, found)
        if why:
            raise refusal(rest, known, found, why)
        places = found.places
    chosen: Pairs = {}
    for source, place in zip(rest.sources, places, strict=True):
        chosen |= rest.pairs(source, rest.modules[place]) or {}
    return chosen


def _doubt(rest: Sides, fits: Sequence[Sequence[bool]], found: Found) -> str:
    """Say why an alignment in the file's order is no proof; empty where it is."""
    if found.ways == 0:
        first = rest.sources[min(len(found.places), len(rest.sources) - 1)]
        return f"in the file's order the shapes do not fit from {first.path or first.names[0]} on"
    if found.ways > 1:
        return "more than one order of the layers fits"
    is_sorted = _is_sorted([name for name in rest.shapes if not is_counter(name)])
    placed = tuple(zip(rest.sources, fits, found.places, strict=True))
    for (first, fits_first, here), (second, fits_second, there) in combinations(placed, 2):
        if fits_first[there] and fits_second[here]:
            flows = here in rest.modules[there].after
            why = _against(first.path, second.path, is_sorted, flows, rest.has_kernel(first))
            if why:
                return why
    return ""


def _against(one: str, two: str, is_sorted: bool, flows: bool, kernels: bool) -> str:
    """Say why the first of two modules that could change places may not be the first."""
    stated = first_by_number(one, two)
    if stated is False:
        return f"{one} comes before {two} in the file, against their numbers, and they could change places"
    peers = one.count("/") == two.count("/")
    if (is_sorted and not (stated and flows)) or (stated is None and (peers or kernels)):
        return f"{one} and {two} could change places, and neither numbers in their names nor the file's order settle it"
    return ""


def _is_sorted(names: Sequence[str]) -> bool:
    """Tell whether a file lists its arrays by name, or first by one of a few types, as safetensors does."""
    return sum(one > two for one, two in pairwise(names)) <= FEW


def first_by_number(one: str, two: str) -> bool | None:
    """Tell whether numbers in two paths put the first before the second; None where they say nothing.

    >>> first_by_number("layer1/9/conv", "layer1/10/conv"), first_by_number("fc2", "fc1"), first_by_number("a", "b")
    (True, False, None)
    """
    for here, there in zip(one.split("/"), two.split("/"), strict=False):
        if here != there:
            first, second = _stem(here), _stem(there)
            return first[1] < second[1] if first[0] == second[0] and -1 not in (first[1], second[1]) else None
    return None


def _stem(part: str) -> tuple[str, int]:
    """Split `conv12` into `conv` and 12; a name without a number gets -1."""
    number = re.search(r"\d{1,9}$", part)
    return (part[: number.start()], int(number[0])) if number else (part, -1)


def _by_name(whole: Sides) -> Pairs:
    """Pair arrays that are called as the weights are, and modules whose path is a layer's scope."""
    names = {plain(name): name for source in whole.sources for name in source.names}
    paths = {source.path: source for source in whole.sources}
    chosen: Pairs = {}
    for module in whole.modules:
        same = {target.name: (names[target.name],) for target in module.targets if target.name in names}
        last = module.scope.rpartition("/")[2]
        source = paths.get(module.scope) or paths.get(f"{module.scope}/{last}")  # Keras's h5 files double the name
        if len(same) == len(module.targets) and all(whole.turns(same[one.name], one) for one in module.targets):
            chosen |= same
        elif source is not None:
            chosen |= whole.pairs(source, module) or {}
    return chosen


def _without(whole: Sides, pairs: Pairs) -> Sides:
    used = {name for names in pairs.values() for name in names}
    kept = [number for number, module in enumerate(whole.modules) if _is_open(module, pairs)]
    place = {number: index for index, number in enumerate(kept)}
    return replace(
        whole,
        sources=sources(name for source in whole.sources for name in source.names if name not in used),
        modules=tuple(_moved(whole.modules[number], place) for number in kept),
    )


def _is_open(module: Module, pairs: Pairs) -> bool:
    return module.targets[0].name not in pairs and not all(target.kept for target in module.targets)


def _wanted(modules: Sequence[Module], excepted: Exceptions) -> tuple[Module, ...]:
    """Leave out the weights that nothing has to fill, and the layers that then have none."""
    open_ = [tuple(one for one in module.targets if one.name not in excepted) for module in modules]
    kept = [number for number, targets in enumerate(open_) if targets]
    place = {number: index for index, number in enumerate(kept)}
    return tuple(_moved(replace(modules[number], targets=open_[number]), place) for number in kept)


def _moved(module: Module, place: Mapping[int, int]) -> Module:
    return replace(module, after=frozenset(place[number] for number in module.after if number in place))
