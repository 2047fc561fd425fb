"""What trained when: layers by phases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from transfer.result import PhaseResult
from zoo.html_report.blocks import Figure, Section
from zoo.html_report.grids import state_chart
from zoo.html_report.told import Told
from zoo.phase_text import marked

MOST = 40  # rows
STATES = {"frozen": "frozen", "tuned": "trained", "fresh": "new"}


def trained_when(told: Told) -> Section | None:
    """Draw for each layer in which phases it was frozen, trained from the source's weights, or new."""
    result = told.result
    if result is None or not result.phases:
        return None
    phases = [*result.phases, *(result.scratch.phases if result.scratch else ())]
    columns = [marked(number, result, "✓") for number in range(1, len(result.phases) + 1)]
    columns += ["scratch ✓" if result.kept == "scratch" else "scratch"] * (len(phases) - len(result.phases))
    states = {
        layer: tuple(_state(layer, phase, result.reused if place < len(result.phases) else ())
                     for place, phase in enumerate(phases))
        for layer in reversed(in_order(told, [scope for phase in phases for scope in (*phase.frozen, *phase.train)]))
    }  # fmt: skip
    rows = gathered(list(states.items()))
    title = "Layers by phases, the input at the bottom"
    figure = state_chart(title, [name for name, _ in rows], columns, [state for _, state in rows], STATES)
    lead = "Frozen layers keep the source's weights; trained ones begin with them; new ones begin with fresh weights."
    return Section("What trained when", [Figure(figure, title, wide=True)], lead)


def gathered(rows: Sequence[tuple[str, tuple[str, ...]]], most: int = MOST) -> list[tuple[str, tuple[str, ...]]]:
    """Draw neighbours of the same fate as one row, where there are many.

    >>> gathered([("a", ("frozen",)), ("b", ("frozen",)), ("c", ("fresh",))], most=2)
    [('b … a (2 layers)', ('frozen',)), ('c', ('fresh',))]
    """
    if len(rows) <= most:
        return list(rows)
    found = []
    for states, group in groupby(rows, key=lambda row: row[1]):
        names = [name for name, _ in group]
        found.append((names[0] if len(names) == 1 else f"{names[-1]} … {names[0]} ({len(names)} layers)", states))
    return found


def in_order(told: Told, scopes: Iterable[str]) -> list[str]:
    """Return layers once each, from the input up; those that the run's model does not have come last."""
    order = {layer.name: place for place, layer in enumerate(told.card.layers)} if told.card else {}
    return sorted(dict.fromkeys(scopes), key=lambda scope: order.get(scope, len(order)))


def _state(layer: str, phase: PhaseResult, reused: Sequence[str]) -> str:
    if layer in phase.frozen:
        return "frozen"
    return "tuned" if layer in (phase.reused or reused) else "fresh"
