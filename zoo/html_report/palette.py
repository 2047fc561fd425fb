"""The colours of pages and figures, and the style sheet that all figures share."""

from __future__ import annotations

import re

# `c0` … are Okabe and Ito's, which the colour-blind can tell apart; in the dark they are lighter.
LIGHT = {
    "page": "#fff", "card": "#f6f7f9", "ink": "#1b1f24", "soft": "#57606a", "line": "#d8dde3", "grid": "#e8ebef",
    "c0": "#0072b2", "c1": "#d55e00", "c2": "#00875f", "c3": "#b5588f", "c4": "#b07a00", "c5": "#2b93c9",
    "good": "#00694a", "bad": "#a63d00", "good-page": "#e5f4ee", "bad-page": "#fdeee4", "frozen": "#aeb8c4",
    "over": "#fff",
}  # fmt: skip
DARK = {
    "page": "#14171b", "card": "#1d2127", "ink": "#e7eaee", "soft": "#a2abb6", "line": "#363d46", "grid": "#2a3038",
    "c0": "#56b4e9", "c1": "#f08a4b", "c2": "#3cc79a", "c3": "#df94c0", "c4": "#e6b34a", "c5": "#9ad4f5",
    "good": "#6fdcb5", "bad": "#ffb184", "good-page": "#15302a", "bad-page": "#38241a", "frozen": "#55606d",
    "over": "#0b0d10",
}  # fmt: skip
PALETTE = 6  # colours `c0` …

FIGURES = """\
svg { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink);
  overflow: visible; }
.tick, .legend { fill: var(--soft); } .label { fill: var(--soft); font-size: 12.5px; } .strong { font-weight: 700; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); } .ideal { stroke: var(--soft); stroke-dasharray: 5 4; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; } line { stroke-width: 1; } .thick { stroke-width: 3; }
.bar { stroke-width: 1.5; } .mark { stroke: var(--page); stroke-width: 1.5; } .faint { fill-opacity: 0.5; }
.band { fill: var(--card); } .rail { fill: var(--grid); } .right { fill: var(--c0); } .wrong { fill: var(--c1); }
.cell { fill: var(--ink); font-size: 11px; } .over { fill: var(--over); }
.frozen { fill: var(--frozen); } .tuned { fill: var(--c0); } .fresh { fill: var(--c4); }
""" + "".join(f".s{at} {{ stroke: var(--c{at}); }} .f{at} {{ fill: var(--c{at}); }}\n" for at in range(PALETTE))


def variables(colours: dict[str, str]) -> str:
    """Return colours as CSS variables.

    >>> variables({"page": "#fff", "ink": "#000"})
    '--page: #fff; --ink: #000;'
    """
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def alone() -> str:
    """Return the style sheet of a figure that stands alone: light, without variables, which few programs know."""
    style = re.sub(r"var\(--([\w-]+)\)", lambda found: LIGHT[found[1]], FIGURES)
    return f"{style}svg {{ background: {LIGHT['page']}; }}\n"
