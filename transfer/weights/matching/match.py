"""Which arrays go into which weights, by rules; nothing is loaded yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.errors import ZooError
from transfer.weights.matching.exceptions import Exceptions
from transfer.weights.matching.roles import in_order, is_counter, said
from transfer.weights.matching.rules import Rules
from transfer.weights.target import SUMMED, Target

UNCOUNTED = "counts batches, which Keras does not"
EXCEPTED = "left out by --allow-partial"
Pairs = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Match:
    """Which arrays go into which weights.

    Attributes:
        pairs: the names of the arrays by that of the weight.
        left: the names that go nowhere by intent, each with the reason.
        unexpected: the names for which there is no weight, each with the weight that was asked for.
    """

    pairs: Pairs
    left: Mapping[str, str] = field(default_factory=dict)
    unexpected: Mapping[str, str] = field(default_factory=dict)


def by_rules(targets: Sequence[Target], names: Sequence[str], rules: Rules, excepted: Exceptions) -> Match:
    """Send each name where the first rule that matches says; names that no rule matches are weights' own names.

    Raises:
        ZooError: a rule matched nothing, or two names go to one weight that is made from one.
    """
    known = {target.name: target for target in targets}
    renamed = rules.renamed(names)
    left = {name: f"dropped by the rule {rule}" for name, rule in renamed.dropped.items()}
    unexpected: dict[str, str] = {}
    pairs: Pairs = {}
    for name, asked in renamed.targets.items():
        for text in asked:
            found = resolve(text, known)
            if found is not None:
                pairs[found] = (*pairs.get(found, ()), name)
            elif is_counter(name):
                left[name] = UNCOUNTED
            elif name in excepted or text in excepted:
                left[name] = EXCEPTED
            else:
                unexpected[name] = text
    _refuse_doubles(pairs, known)
    return Match({name: in_order(sources) for name, sources in pairs.items()}, left, unexpected)


def resolve(text: str, known: Mapping[str, Target]) -> str | None:
    """Find the weight that a text names: by its own name, or by its layer and a name that other frameworks use.

    `bn1/running_mean` stands for `bn1/moving_mean`, `lstm/kernel` for `lstm/lstm_cell/kernel`, if there is one only.
    """
    if text in known:
        return text
    scope, _, last = text.rpartition("/")
    roles = said(last).roles | {last}
    within = [target for target in known.values() if f"{target.scope}/".startswith(f"{scope}/")]
    found = [target.name for target in within if target.role in roles]
    return found[0] if scope and len(found) == 1 else None


def _refuse_doubles(pairs: Pairs, known: Mapping[str, Target]) -> None:
    for name, sources in pairs.items():
        most = 2 if known[name].kind in SUMMED else 1
        if len(sources) > most:
            raise ZooError(
                f"the rules send {len(sources)} names to {name}: {', '.join(sources[:20])}; expected at most {most}",
                "make the regex narrower, or drop one of them with 'regex ='",
            )
