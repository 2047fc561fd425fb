"""A depth search as a figure: the probe and trained scores of every cut, as SVG. Text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from transfer.depths.search import Search

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 720, 400, 60, 30, 110, 20
LINES = 4
Point = tuple[float, float]


def plot(search: Search) -> str:
    """Return the figure: a line for the probes, and a mark with its interval for each cut that was trained."""
    found = search.found
    scores = [one.probe.score.accuracy for one in found]
    ends = [end for one in found if one.valid for end in one.valid.ci95]
    low, high = min([*scores, *ends]), max([*scores, *ends])
    low, high = low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1)

    def x(place: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / len(found)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    values = [low + (high - low) * step / LINES for step in range(LINES + 1)]
    parts = [_grid(value, y(value)) for value in values]
    parts.append(_line([(x(place), y(score)) for place, score in enumerate(scores)]))
    for place, one in enumerate(found):
        parts.append(_label(one.cut.at, x(place), place == search.best))
        if one.valid:
            parts.append(_mark((x(place), y(one.valid.accuracy)), y(one.valid.ci95[0]), y(one.valid.ci95[1])))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11">\n<title>Depth search</title>\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        + "\n".join([*parts, _legend()])
        + "\n</svg>\n"
    )


def _grid(value: float, y: float) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3f}</text>'
    )


def _line(points: Sequence[Point]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#777"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="#777"/>{dots}'


def _mark(point: Point, low: float, high: float) -> str:
    x, y = point
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="#06c" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#06c"/>'
    )


def _label(name: str, x: float, best: bool) -> str:
    y = HEIGHT - BOTTOM + 16
    weight = ' font-weight="bold"' if best else ""
    return f'<text transform="translate({x:.1f} {y}) rotate(40)"{weight}>{escape(name)}</text>'


def _legend() -> str:
    return (
        f'<circle cx="{LEFT + 8}" cy="14" r="3" fill="#777"/>'
        f'<text x="{LEFT + 16}" y="18">probe: left-out samples</text>'
        f'<circle cx="{LEFT + 178}" cy="14" r="5" fill="#06c"/>'
        f'<text x="{LEFT + 188}" y="18">trained, validation with 95 % interval</text>'
    )
