"""Nothing is missing, nothing is left over, and every shape fits; or one error says all that does not. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from registry.errors import ZooError
from transfer.weights.foreign import Foreign
from transfer.weights.layouts.layout import CHANNELS_FIRST, wanted
from transfer.weights.layouts.turn import Turn
from transfer.weights.matching.exceptions import Exceptions
from transfer.weights.matching.match import Match, Pairs
from transfer.weights.matching.refusal import some
from transfer.weights.target import SUMMED, Kind, Target


def check(
    targets: Mapping[str, Target],
    foreign: Foreign,
    match: Match,
    turns: Mapping[str, Turn],
    conventions: Mapping[str, str],
    excepted: Exceptions,
) -> None:
    """Refuse a match with names missing, unexpected or misshapen, up to twenty of each.

    Raises:
        ZooError: there are such names, and no exception covers them.
    """
    missing = [name for name, one in targets.items() if name not in {*match.pairs, *excepted.names} and not one.kept]
    wrong = [name for name in match.pairs if name not in turns and not {name, *match.pairs[name]} & excepted.names]
    misshapen = [_misfit(targets[name], match.pairs[name], foreign, conventions[name]) for name in wrong]
    for name in match.pairs:
        if targets[name].doubt and name in turns and conventions[name] in CHANNELS_FIRST and name not in excepted.names:
            raise ZooError(
                f"it is not known in which order {name} has its numbers: {targets[name].doubt}",
                f"make the order plain in the architecture, or leave the weight as it is: --allow-partial '{name}'",
            )
    unexpected = [f"{name} -> {text}" if name != text else name for name, text in match.unexpected.items()]
    if not (missing or misshapen or unexpected):
        return
    raise ZooError(
        f"the {foreign.format} weights do not fill the model: {len(missing)} of its weights get nothing, "
        f"{len(unexpected)} names of the file go nowhere, {len(misshapen)} have another shape\n"
        f"get nothing: {some(missing)}\ngo nowhere: {some(unexpected)}\nof another shape: {some(misshapen)}",
        _hint([*missing, *wrong, *match.unexpected]),
    )


def pack_of(targets: Mapping[str, Target], pairs: Pairs) -> frozenset[str]:
    """Return the weights of cells whose kernel and recurrent kernel come from one array, as in TensorFlow 1."""
    recurrent = {targets[name].scope: one for name, one in pairs.items() if targets[name].kind is Kind.LSTM_RECURRENT}
    packed = {
        targets[name].scope
        for name, one in pairs.items()
        if targets[name].kind is Kind.LSTM_KERNEL and recurrent.get(targets[name].scope) == one
    }
    return frozenset(name for name in pairs if targets[name].scope in packed)


def _misfit(target: Target, sources: Sequence[str], foreign: Foreign, convention: str) -> str:
    got = " and ".join(f"{name} {list(foreign.shapes[name])}" for name in sources)
    if target.kind is Kind.OLD_GRU and convention in CHANNELS_FIRST:
        return f"{target.name}: {got}; a GRU with reset_after=False cannot hold PyTorch's"
    two = "two of " if target.kind in SUMMED and convention == "torch" and len(sources) != 1 else ""
    return f"{target.name} {list(target.shape)} wants {two}{list(wanted(target, convention))}, got {got}"


def _hint(names: Sequence[str]) -> str:
    """Name the layer, or the module of the file, of the first name that does not fit."""
    scope = re.split(r"[./](?!.*[./])", names[0])[0]
    return f"correct the rules, or name what may stay as it is: --allow-partial '{re.escape(scope)}'"
