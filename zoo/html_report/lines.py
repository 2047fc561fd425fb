"""Line charts and scatter plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree import ElementTree as ET

from zoo.html_report.drawing import PALETTE, Scale, axes, box, canvas, dot, finished, hint, line, shortened, words

WIDTH, HEIGHT = 480, 290
LEFT, RIGHT, BOTTOM = 58, 14, 46
RATIO = 20  # of the largest to the smallest, beyond which a scale is logarithmic
DASHES = ("", "6 3", "2 3", "9 3 2 3")
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A line: its name, its points from left to right, those that are marked, and where it begins anew."""

    name: str
    points: Points
    marks: Points = ()
    breaks: Sequence[float] = ()


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
) -> str:
    """Draw lines over a common axis; what is no finite number is left out.

    Args:
        title: what is read aloud.
        series: the lines; the legend stands above where there are several.
        labels: of the x-axis and of the y-axis.
        bands: stretches that lie behind the lines.
        within: the y-axis's ends, where charts are to be compared.
        log: a logarithmic y-axis.
    """
    series = [replace(one, points=_finite(one.points, log), marks=_finite(one.marks, log)) for one in series]
    rows = _legend_rows([one.name for one in series]) if len(series) > 1 else []
    top = 22.0 + 18 * len(rows) if bands else 12.0 + 18 * len(rows)
    height = HEIGHT + 18 * max(0, len(rows) - 1)
    svg = canvas(WIDTH, height, title)
    low, high = within or extent([y for one in series for _, y in one.points], log)
    xs = [x for one in series for x, _ in one.points] or [0.0, 1.0]
    x = Scale(min(xs), max(max(xs), min(xs) + 1), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, height - BOTTOM, top, log)
    for place, band in enumerate(bands):
        _band(svg, band, x, y, shaded=place % 2 == 1)
    axes(svg, x, y, labels)
    for place, one in enumerate(series):
        _drawn(svg, one, x, y, place)
    _legend(svg, rows)
    return finished(svg)


def scatter(title: str, points: Points, labels: tuple[str, str], *, diagonal: bool) -> str:
    """Draw points, and the line on which both are equal, or on which the second is 0."""
    points = _finite(points, log=False)
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


def _finite(points: Points, log: bool) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)]


def _band(svg: ET.Element, band: Band, x: Scale, y: Scale, *, shaded: bool) -> None:
    start, end = x.place(band.start), x.place(band.end)
    if shaded:
        box(svg, (start, y.end - 16), (end - start, y.start - y.end + 16), "band")
    if end - start > 7 * len(band.name):
        words(svg, (start + end) / 2, y.end - 5, band.name, "tick", "middle")


def _drawn(svg: ET.Element, one: Series, x: Scale, y: Scale, place: int) -> None:
    for stretch in _stretches(one):
        path = " ".join(f"{x.place(left):.1f},{y.place(right):.1f}" for left, right in stretch)
        made = ET.SubElement(svg, "polyline", {"points": path, "class": f"s{place % PALETTE}"})
        made.set("stroke-dasharray", DASHES[place % len(DASHES)] or "none")
        hint(made, one.name)
    if len(one.points) == 1:
        dot(svg, x.place(one.points[0][0]), y.place(one.points[0][1]), f"f{place % PALETTE}")
    for left, right in one.marks:
        hint(dot(svg, x.place(left), y.place(right), f"f{place % PALETTE} mark", 4), f"{one.name}: {right:.4g}")


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
