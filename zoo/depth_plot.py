"""A depth search as a figure: a row a cut, with its probe's score and, where it was trained, what that came to."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from zoo.depth_record import CutFound, DepthRecord
from zoo.html_report.drawing import NAME, Scale, canvas, dot, finished, hint, line, number, shortened, words
from zoo.html_report.lines import extent

WIDTH, ROW, TOP, BOTTOM = 480, 24, 30, 42
PROBE, TRAINED = "probe, left-out samples", "trained, validation, 95 % interval"


def plot(search: DepthRecord) -> str:
    """Draw the cuts, the one nearest the input first."""
    height = TOP + ROW * len(search.cuts) + BOTTOM
    svg = canvas(WIDTH, height, f"Depth search: {search.model} on {search.data}")
    _legend(svg)
    low, high = extent([value for one in search.cuts for value in _values(one)])
    room = 20 + 7.6 * min(NAME + 2, max(len(one.cut) for one in search.cuts) + 2)  # of the strong one with its mark
    x = Scale(low, high, room, WIDTH - 20)
    _axis(svg, x, height, f"{search.measure}")
    ET.SubElement(svg, "polyline", {"points": " ".join(_probes(search.cuts, x)), "class": "axis"})
    for place, one in enumerate(search.cuts):
        _row(svg, one, x, _middle(place), best=place == search.best)
    return finished(svg)


def _row(svg: ET.Element, one: CutFound, x: Scale, y: float, *, best: bool) -> None:
    name = shortened(one.cut) + (" ✓" if best else "")
    hint(words(svg, x.start - 10, y + 4, name, "tick strong" if best else "tick", "end"), one.cut)
    hint(dot(svg, x.place(one.probe), y, "frozen mark", 4), f"{one.cut}: probe {one.probe:.4f}")
    if one.valid is None or one.valid_ci95 is None:
        return
    low, high = one.valid_ci95
    line(svg, (x.place(low), y, x.place(high), y), "s0 thick")
    hint(dot(svg, x.place(one.valid), y, "f0", 5), f"{one.cut}: trained {one.valid:.4f} ({low:.4f} to {high:.4f})")


def _values(one: CutFound) -> list[float]:
    return [one.probe, *(one.valid_ci95 or ())]


def _middle(place: int) -> float:
    return TOP + ROW * (place + 0.5)


def _probes(cuts: Sequence[CutFound], x: Scale) -> list[str]:
    return [f"{x.place(one.probe):.1f},{_middle(place):.1f}" for place, one in enumerate(cuts)]


def _axis(svg: ET.Element, x: Scale, height: float, label: str) -> None:
    for tick in x.ticks():
        line(svg, (x.place(tick), TOP, x.place(tick), height - BOTTOM), "grid")
        words(svg, x.place(tick), height - BOTTOM + 16, number(tick), "tick", "middle")
    words(svg, (x.start + x.end) / 2, height - 6, label, "label", "middle")


def _legend(svg: ET.Element) -> None:
    dot(svg, 8, 10, "frozen", 4)
    words(svg, 18, 14, PROBE, "legend")
    line(svg, (178, 10, 194, 10), "s0 thick")
    dot(svg, 186, 10, "f0", 5)
    words(svg, 202, 14, TRAINED, "legend")
