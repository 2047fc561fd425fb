"""The diagnosis of training: what was found, and each layer's gradient over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transfer.layer_health import LARGEST, LayerHealth
from zoo.findings_text import findings_of
from zoo.html_report.blocks import Block, Figure, Section, Text
from zoo.html_report.freezing import in_order
from zoo.html_report.learning import bands_of, breaks_of
from zoo.html_report.lines import Series, line_chart
from zoo.html_report.palette import PALETTE
from zoo.html_report.told import SCRATCH, Told


@dataclass(frozen=True)
class Statistic:
    """What is measured of a layer: the chart's title, its axis, and whether that is logarithmic or a share's."""

    title: str
    axis: str
    of: Callable[[LayerHealth], float | None]
    log: bool


STATISTICS = (
    Statistic("Gradient by layer", "root mean square", lambda one: one.gradient, log=True),
    Statistic("Size of a step by that of the weights", "ratio", lambda one: one.update, log=True),
    Statistic("Dead units", "share", lambda one: one.dead, log=False),
    Statistic("Saturated outputs", "share", lambda one: one.saturated, log=False),
)


def diagnosis(told: Told) -> Section | None:
    """List what was found to be wrong, and draw the figures that it was told from."""
    charts: list[Block] = [chart for one in STATISTICS if (chart := _chart(told, one)) is not None]
    each = findings_of(told.result) if told.result else ()
    found: list[Block] = [Text(f"{where[:1].upper()}{where[1:]}: {finding}.", "bad") for where, finding in each]
    if not charts and not found:
        return None
    healthy = [] if found else [Text("Nothing is wrong: no gradient vanishes or explodes, few units are dead.", "good")]
    lead = f"Gradients and steps are those of each epoch's first step. Of more than {PALETTE} layers, some are shown."
    return Section("Diagnosis", [*healthy, *found, *charts], lead if charts else "")


def spread(names: Sequence[str], most: int = PALETTE) -> list[str]:
    """Choose some of many names, evenly, with the first and the last.

    >>> spread(list("abcdefghijk"), 3)
    ['a', 'f', 'k']
    """
    if len(names) <= most:
        return list(names)
    return [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]


def _chart(told: Told, statistic: Statistic) -> Figure | None:
    phases = told.numbers or [SCRATCH]
    rows, bands = [row for phase in phases for row in told.of(phase)], bands_of(told, phases)
    layers: dict[str, list[tuple[float, float]]] = {}
    for at, row in enumerate(rows, start=1):
        for one in row.layers:
            value = statistic.of(one)
            if value is not None and value < LARGEST:
                layers.setdefault(one.scope, []).append((at, value))
    if not any(value > 0 for points in layers.values() for _, value in points):
        return None
    chosen = [Series(name, layers[name], breaks=breaks_of(bands)) for name in spread(in_order(told, layers))]
    within = None if statistic.log else (0.0, 1.0)
    axes = ("epoch, all phases" if bands else "epoch", statistic.axis)
    chart = line_chart(statistic.title, chosen, axes, bands=bands, log=statistic.log, within=within)
    return Figure(chart, statistic.title)
