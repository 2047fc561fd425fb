"""Bars that lie, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.html_report.drawing import NAME, Scale, box, canvas, dot, finished, hint, line, number, shortened, words

WIDTH, ROW = 480, 24


@dataclass(frozen=True)
class Bar:
    """A name, its value, and how the value is written."""

    name: str
    value: float
    text: str


@dataclass(frozen=True)
class Interval:
    """A name, its value, and the ends of its interval."""

    name: str
    value: float
    low: float
    high: float


def bar_chart(title: str, bars: Sequence[Bar], most: float | None = None) -> str:
    """Draw a bar a row, from 0 to the largest value or to `most`; a value below 0 has no bar."""
    svg = canvas(WIDTH, ROW * len(bars) + 6, title)
    left = _room([bar.name for bar in bars])
    high = most or max((bar.value for bar in bars), default=0.0)
    x = Scale(0, high or 1.0, left, WIDTH - 62)
    for place, bar in enumerate(bars):
        y = ROW * place + 3
        hint(words(svg, left - 8, y + 16, shortened(bar.name), "tick", "end"), bar.name)
        box(svg, (left, y + 3), (x.end - left, ROW - 6), "rail")
        hint(box(svg, (left, y + 3), (x.place(bar.value) - left, ROW - 6), "f0"), f"{bar.name}: {bar.text}")
        words(svg, WIDTH - 56, y + 16, bar.text, "tick")
    return finished(svg)


def interval_chart(title: str, intervals: Sequence[Interval], label: str) -> str:
    """Draw values with their intervals, one below the other over a common axis."""
    height = 30 * len(intervals) + 46
    svg = canvas(WIDTH, height, title)
    left = _room([one.name for one in intervals])
    low, high = min(one.low for one in intervals), max(one.high for one in intervals)
    air = (high - low) * 0.1 or 0.05
    x = Scale(low - air, high + air, left, WIDTH - 20)
    for tick in x.ticks(6):
        line(svg, (x.place(tick), 4, x.place(tick), height - 38), "grid")
        words(svg, x.place(tick), height - 22, number(tick), "tick", "middle")
    words(svg, (x.start + x.end) / 2, height - 4, label, "label", "middle")
    for place, one in enumerate(intervals):
        y = 30 * place + 20
        words(svg, left - 8, y + 4, shortened(one.name), "tick", "end")
        line(svg, (x.place(one.low), y, x.place(one.high), y), f"s{place} thick")
        hint(dot(svg, x.place(one.value), y, f"f{place}", 5.5), f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f})")
    return finished(svg)


def _room(names: Sequence[str]) -> float:
    return 14 + 6.8 * min(NAME, max((len(name) for name in names), default=0))
