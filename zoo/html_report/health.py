"""The diagnosis of training: what was found, and each layer's gradient over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

from transfer.layer_health import LARGEST, LayerHealth
from zoo.html_report.blocks import Block, Figure, Section, Text
from zoo.html_report.drawing import PALETTE
from zoo.html_report.lines import Series, line_chart
from zoo.html_report.told import SCRATCH, Told

STATISTICS = {
    "gradient": ("Gradient by layer", "root mean square"),
    "update": ("Size of a step by that of the weights", "ratio"),
    "dead": ("Dead units", "share"),
    "saturated": ("Saturated outputs", "share"),
}
LOGARITHMIC = ("gradient", "update")


def diagnosis(told: Told) -> Section | None:
    """List what was found to be wrong, and draw the figures that it was told from."""
    charts: list[Block] = [chart for name in STATISTICS if (chart := _chart(told, name)) is not None]
    found = _findings(told)
    if not charts and not found:
        return None
    healthy = [] if found else [Text("Nothing is wrong: no gradient vanishes or explodes, few units are dead.", "good")]
    lead = "Gradients and steps are those of each epoch's first step. Of many layers, some are shown."
    return Section("Diagnosis", [*healthy, *found, *charts], lead if charts else "")


def spread(names: Sequence[str], most: int = PALETTE) -> list[str]:
    """Choose some of many names, evenly, with the first and the last.

    >>> spread(list("abcdefghijk"), 3)
    ['a', 'f', 'k']
    """
    if len(names) <= most:
        return list(names)
    return [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]


def _findings(told: Told) -> list[Block]:
    result = told.result
    if result is None:
        return []
    each = [(f"Phase {number}", phase) for number, phase in enumerate(result.phases, 1)]
    each += [("From scratch", phase) for phase in (result.scratch.phases if result.scratch else ())]
    return [Text(f"{name}: {finding}.", "bad") for name, phase in each for finding in getattr(phase, "findings", ())]


def _chart(told: Told, statistic: str) -> Figure | None:
    rows = [row for phase in told.numbers or [SCRATCH] for row in told.of(phase)]
    layers: dict[str, list[tuple[float, float]]] = {}
    for at, row in enumerate(rows, start=1):
        measured: Sequence[LayerHealth] = getattr(row, "layers", ())
        for one in measured:
            value = getattr(one, statistic)
            if value is not None and value < LARGEST:
                layers.setdefault(one.scope, []).append((at, value))
    if not any(value > 0 for points in layers.values() for _, value in points):
        return None
    title, label = STATISTICS[statistic]
    chosen = [Series(name, layers[name]) for name in spread(list(layers))]
    log = statistic in LOGARITHMIC
    within = None if log else (0.0, 1.0)
    return Figure(line_chart(title, chosen, ("epoch, all phases", label), log=log, within=within), title)
