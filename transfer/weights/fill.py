"""Foreign weights into a known architecture: matched and checked first, then loaded one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.assign import assign
from transfer.backbone import describe
from transfer.imported import Imported, Mapped
from transfer.weights.foreign import Foreign
from transfer.weights.layouts.layout import turn
from transfer.weights.layouts.settled import settled
from transfer.weights.layouts.turn import Turn
from transfer.weights.matching.align import align
from transfer.weights.matching.exceptions import Exceptions, exceptions
from transfer.weights.matching.match import EXCEPTED, Match, by_rules
from transfer.weights.matching.modules import graph_of, modules, variables
from transfer.weights.matching.remarks import remarks
from transfer.weights.matching.rules import Rules
from transfer.weights.matching.strict import check, pack_of
from transfer.weights.target import Target


@dataclass(frozen=True)
class Plan:
    """What is to be loaded: by weight, the arrays and what is done to them; and what was found on the way."""

    match: Match
    turns: Mapping[str, Turn]
    notes: tuple[str, ...]


def fill(
    model: Any,
    foreign: Foreign,
    rules: Rules | None = None,
    allow_partial: Sequence[str] = (),
    watch: Watch = silent,
) -> Imported:
    """Put a file's arrays into a model's weights; the model itself is changed, but not before all names fit.

    Args:
        model: a functional or sequential `keras.Model`.
        foreign: the arrays.
        rules: say where they go; without rules they are aligned by names, structure and shapes
            (`transfer.weights.matching.align`), or refused.
        allow_partial: regexes of names, on either side, that may be left without a partner.
        watch: told of each array.

    Raises:
        ZooError: names or shapes do not fit, which lists both sides, or an array holds what is no finite number.
    """
    layers = modules(model)
    targets = {target.name: target for module in layers for target in module.targets}
    excepted = exceptions(allow_partial, [*foreign.shapes, *targets])
    if rules is None:
        match = align(layers, foreign.shapes, foreign.convention, excepted)
    else:
        match = by_rules(list(targets.values()), list(foreign.shapes), rules, excepted)
    plan = _plan(targets, foreign, match, excepted)
    _load(variables(model), foreign, plan, watch)
    return _imported(graph_of(model), targets, foreign, plan)


def _plan(targets: Mapping[str, Target], foreign: Foreign, match: Match, excepted: Exceptions) -> Plan:
    shapes = {name: [foreign.shapes[source] for source in sources] for name, sources in match.pairs.items()}
    conventions: Mapping[str, str] = dict.fromkeys(shapes, foreign.convention)
    notes: tuple[str, ...] = ()
    if foreign.convention == "numpy":
        conventions, sentence = settled([(targets[name], shapes[name]) for name in shapes])
        notes = (sentence,)
    pack = pack_of(targets, match.pairs)
    turns = {name: turn(targets[name], conventions[name], shapes[name], name in pack) for name in shapes}
    made = {name: found for name, found in turns.items() if found is not None}
    check(targets, foreign, match, made, conventions, excepted)
    return Plan(match, made, notes)


def _load(variables: Mapping[str, Any], foreign: Foreign, plan: Plan, watch: Watch) -> None:
    for done, (name, turned) in enumerate(plan.turns.items()):
        sources = plan.match.pairs[name]
        watch("weights", done, len(plan.turns), name)
        variable = variables[name]
        array = turned.make([_array(foreign, source) for source in sources])
        assign(variable, _cast(array, str(variable.dtype), name, sources))
    watch("weights", len(plan.turns), len(plan.turns))


def _array(foreign: Foreign, name: str) -> NDArray[Any]:
    array = np.asarray(foreign.load(name))
    if array.dtype.hasobject or array.dtype.kind in "cSUMm":
        raise ZooError(f"the array {name} holds {array.dtype}; expected real numbers")
    if array.shape != tuple(foreign.shapes[name]):
        raise ZooError(f"the array {name} is {list(array.shape)}; the file says {list(foreign.shapes[name])}")
    return array


def _cast(array: NDArray[Any], dtype: str, name: str, sources: Sequence[str]) -> NDArray[Any]:
    """Return an array in a weight's own type, laid out row by row."""
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype=np.dtype(dtype)).reshape(array.shape)
    if cast.dtype.kind == "f" and not np.isfinite(cast).all():
        wrong = int(cast.size - np.isfinite(cast).sum())
        raise ZooError(
            f"{wrong:,} of the {cast.size:,} numbers for {name} are not finite as {dtype} (from {', '.join(sources)})",
            "the file is damaged, or its training failed",
        )
    return cast


def _imported(model: Any, targets: Mapping[str, Target], foreign: Foreign, plan: Plan) -> Imported:
    random = tuple(name for name, one in targets.items() if name not in plan.turns and not one.kept)
    kept = [name for name, one in targets.items() if name not in plan.turns and one.kept]
    notes = [*foreign.notes, *plan.notes, *_turned(targets, plan), *remarks(model, foreign.convention)]
    if kept:
        notes.append(f"the file has nothing for {', '.join(kept)}, which keep what the architecture says")
    if random:
        notes.append(
            f"the file has nothing for {', '.join(random[:5])}{' …' if len(random) > 5 else ''}: these {len(random)} "
            "weights keep the values that they have in the architecture, random where it was never trained"
        )
    return Imported(
        model,
        foreign.format,
        _layers(model, targets, plan),
        unmapped={**plan.match.left, **_misfits(plan)},
        notes=tuple(notes),
        preprocessing=foreign.preprocessing,
        classes=foreign.classes,
        random=random,
    )


def _misfits(plan: Plan) -> dict[str, str]:
    """Return the arrays of another shape than the weights that they are for; exceptions cover them."""
    return {
        source: f"{EXCEPTED}: {name} has another shape"
        for name, sources in plan.match.pairs.items()
        if name not in plan.turns
        for source in sources
    }


def _turned(targets: Mapping[str, Target], plan: Plan) -> list[str]:
    """Say which transposes were made, `36 conv kernels: OIHW -> HWIO`."""
    counts = Counter((targets[name].kind.value, turned.label) for name, turned in plan.turns.items() if turned.label)
    return [f"{count} {_plural(kind, count)}: {label}" for (kind, label), count in counts.items()]


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}{'es' if word.endswith('s') else 's'}"


def _layers(model: Any, targets: Mapping[str, Target], plan: Plan) -> tuple[Mapped, ...]:
    layers = [layer for layer in describe(model) if layer.inputs]
    sources: dict[str, list[str]] = {layer.name: [] for layer in layers}
    for name in targets:
        holders = [scope for scope in sources if name.startswith(f"{scope}/")]
        if holders and name in plan.turns:
            sources[max(holders, key=len)] += plan.match.pairs[name]
    return tuple(
        Mapped(layer.name, layer.type, tuple(dict.fromkeys(sources[layer.name])), layer.parameters) for layer in layers
    )
