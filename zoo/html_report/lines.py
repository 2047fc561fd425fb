"""Line charts and scatter plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree import ElementTree as ET

from zoo.html_report.drawing import Scale, axes, box, canvas, dot, finished, hint, line, shortened, words
from zoo.html_report.palette import PALETTE

WIDTH, HEIGHT = 480, 290
LEFT, RIGHT, BOTTOM = 70, 14, 46
APART = 7  # pixels between the intervals of two lines at the same place
CAP = 4  # half an interval's end stroke
RATIO = 20  # of the largest to the smallest, beyond which a scale is logarithmic
DASHES = ("", "6 3", "2 3", "9 3 2 3")
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: what it is called in the legend.
        points: from left to right.
        marks: those of them that get a dot.
        breaks: where it begins anew.
        intervals: error bars: the place, the lower and the upper end.
    """

    name: str
    points: Points
    marks: Points = ()
    breaks: Sequence[float] = ()
    intervals: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Band:
    """A stretch of the x-axis with a name above it."""

    start: float
    end: float
    name: str


def line_chart(
    title: str,
    series: Sequence[Series],
    labels: tuple[str, str],
    *,
    bands: Sequence[Band] = (),
    within: tuple[float, float] | None = None,
    log: bool = False,
    log_x: bool = False,
    ticks: Sequence[float] = (),
) -> str:
    """Draw lines over a common axis; what is no finite number is left out, or cannot be on a logarithmic axis.

    Args:
        title: what is read aloud.
        series: the lines; the legend stands above where there are several.
        labels: of the x-axis and of the y-axis.
        bands: stretches that lie behind the lines.
        within: the y-axis's ends, where charts are to be compared.
        log, log_x: a logarithmic y-axis, or x-axis.
        ticks: places on the x-axis; round ones where none are said.
    """
    series = [_drawable(one, log, log_x) for one in series]
    rows = _legend_rows([one.name for one in series]) if len(series) > 1 else []
    top = 22.0 + 18 * len(rows) if bands else 12.0 + 18 * len(rows)
    height = HEIGHT + 18 * max(0, len(rows) - 1)
    svg = canvas(WIDTH, height, title)
    low, high = within or extent([value for one in series for value in _heights(one)], log)
    x = _across([x for one in series for x, _ in one.points], log_x)
    y = Scale(low, high, height - BOTTOM, top, log)
    _bands(svg, bands, x, y)
    axes(svg, x, y, labels, ticks)
    apart = APART if any(one.intervals for one in series) else 0
    for place, one in enumerate(series):
        aside = (place - (len(series) - 1) / 2) * apart
        _drawn(svg, one, replace(x, start=x.start + aside, end=x.end + aside), y, place)
    _legend(svg, rows)
    return finished(svg)


def scatter(title: str, points: Points, labels: tuple[str, str], *, diagonal: bool) -> str:
    """Draw points, and the line on which both are equal, or on which the second is 0."""
    points = _finite(points)
    svg = canvas(WIDTH, HEIGHT, title)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    both = extent(xs + ys) if diagonal else None
    x = Scale(*(both or extent(xs)), LEFT, WIDTH - RIGHT)
    y = Scale(*(both or extent([*ys, 0.0])), HEIGHT - BOTTOM, 12)
    axes(svg, x, y, labels)
    for left, right in points:
        dot(svg, x.place(left), y.place(right), "f0 faint", 2.5)
    first, last = (y.place(x.low), y.place(x.high)) if diagonal else (y.place(0), y.place(0))
    line(svg, (x.start, first, x.end, last), "ideal")
    return finished(svg)


def extent(values: Sequence[float], log: bool = False) -> tuple[float, float]:
    """Return a scale's ends for values, with some air.

    >>> extent([1.0, 3.0])
    (0.9, 3.1)
    """
    if not values:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(values), max(values)
    if log:
        return low / 1.2, high * 1.2
    air = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return low - air, high + air


def wide(values: Sequence[float]) -> bool:
    """Tell whether values want a logarithmic scale."""
    return bool(values) and min(values) > 0 and max(values) > RATIO * min(values)


def _drawable(one: Series, log: bool, log_x: bool) -> Series:
    points, marks = (_finite(points, log, log_x) for points in (one.points, one.marks))
    bars = [bar for bar in one.intervals if len(_finite([(bar[0], end) for end in bar[1:]], log, log_x)) == 2]
    return replace(one, points=points, marks=marks, intervals=bars)


def _finite(points: Points, log: bool = False, log_x: bool = False) -> list[tuple[float, float]]:
    found = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return [(x, y) for x, y in found if (y > 0 or not log) and (x > 0 or not log_x)]


def _heights(one: Series) -> list[float]:
    return [y for _, y in one.points] + [end for _, *ends in one.intervals for end in ends]


def _across(values: Sequence[float], log: bool) -> Scale:
    """Return the x-axis for the places of points; a logarithmic one has some air at its ends."""
    low, high = (min(values), max(values)) if values else (1.0, 2.0)
    if log:
        air = 1.1 if high > low else 2.0
        return Scale(low / air, high * air, LEFT, WIDTH - RIGHT, log=True)
    return Scale(low, max(high, low + 1), LEFT, WIDTH - RIGHT)


def _bands(svg: ET.Element, bands: Sequence[Band], x: Scale, y: Scale) -> None:
    """Shade every other stretch, and name those whose names do not run into one another."""
    places = [(x.place(band.start), x.place(band.end)) for band in bands]
    for start, end in places[1::2]:
        box(svg, (start, y.end - 16), (end - start, y.start - y.end + 16), "band")
    taken = -math.inf
    for band, (start, end) in zip(bands, places, strict=True):
        middle, half = (start + end) / 2, 3.5 * len(band.name)
        if middle - half > taken:
            words(svg, middle, y.end - 5, band.name, "tick", "middle")
            taken = middle + half + 5


def _drawn(svg: ET.Element, one: Series, x: Scale, y: Scale, place: int) -> None:
    for stretch in _stretches(one):
        path = " ".join(f"{x.place(left):.1f},{y.place(right):.1f}" for left, right in stretch)
        made = ET.SubElement(svg, "polyline", {"points": path, "class": f"s{place % PALETTE}"})
        made.set("stroke-dasharray", DASHES[place % len(DASHES)] or "none")
        hint(made, one.name)
    if len(one.points) == 1:
        dot(svg, x.place(one.points[0][0]), y.place(one.points[0][1]), f"f{place % PALETTE}")
    for at, low, high in one.intervals:
        _interval(svg, x.place(at), (y.place(low), y.place(high)), f"s{place % PALETTE} bar")
    for left, right in one.marks:
        hint(dot(svg, x.place(left), y.place(right), f"f{place % PALETTE} mark", 4), f"{one.name}: {right:.4g}")


def _interval(svg: ET.Element, x: float, ends: tuple[float, float], name: str) -> None:
    line(svg, (x, ends[0], x, ends[1]), name)
    for end in ends:
        line(svg, (x - CAP, end, x + CAP, end), name)


def _stretches(one: Series) -> list[Points]:
    ends = [-math.inf, *one.breaks, math.inf]
    return [[(left, right) for left, right in one.points if start <= left < end] for start, end in pairwise(ends)]


def _legend_rows(names: Sequence[str]) -> list[list[tuple[float, int, str]]]:
    rows: list[list[tuple[float, int, str]]] = [[]]
    at = float(LEFT)
    for place, name in enumerate(names):
        text = shortened(name)
        if at + 30 + 7 * len(text) > WIDTH and rows[-1]:
            rows.append([])
            at = float(LEFT)
        rows[-1].append((at, place, text))
        at += 42 + 6.6 * len(text)
    return rows


def _legend(svg: ET.Element, rows: list[list[tuple[float, int, str]]]) -> None:
    for down, row in enumerate(rows):
        for at, place, text in row:
            y = 10.0 + 18 * down
            made = ET.SubElement(svg, "polyline", {"points": f"{at:.1f},{y} {at + 22:.1f},{y}"})
            made.set("class", f"s{place % PALETTE}")
            made.set("stroke-dasharray", DASHES[place % len(DASHES)] or "none")
            words(svg, at + 28, y + 4, text, "legend")
