"""The curve over labels as a picture: an SVG file that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from registry.errors import ZooError
from zoo.html_report.lines import Series, line_chart

if TYPE_CHECKING:
    from zoo.comparing import Comparison

STYLE = """
svg { background: #fff; font: 12px sans-serif; } text { fill: #444; } line { stroke-width: 1; }
.grid { stroke: #e4e4e4; } .axis { stroke: #666; } polyline { fill: none; stroke-width: 2; }
.s0 { stroke: #0072b2; } .s1 { stroke: #d55e00; } .s2 { stroke: #009e73; }
.f0 { fill: #0072b2; } .f1 { fill: #d55e00; } .f2 { fill: #009e73; }
"""  # of Okabe and Ito's colours, as in the reports


def check_plot(path: Path, *, curve: bool) -> None:
    """Refuse a plot before anything trains.

    Raises:
        ZooError: there will be no curve, the name is not an SVG's, or there is no such folder.
    """
    if not curve:
        raise ZooError("--plot draws the curve over labels: say which", "such as --label-curve 10,30,100")
    if path.suffix.lower() != ".svg":
        raise ZooError(f"--plot writes SVG; got {path.name}", f"such as --plot {path.stem or 'curve'}.svg")
    if not path.parent.is_dir():
        raise ZooError(f"--plot: there is no folder {path.parent}", "make it, or name another file")


def write_plot(path: Path, found: Comparison) -> None:
    """Write the curve: each model's mean on the test samples by labels a class.

    Raises:
        ZooError: the file cannot be written.
    """
    svg = ET.fromstring(plot(found))
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    svg.insert(1, _style())
    try:
        path.write_bytes(ET.tostring(svg, encoding="utf-8", xml_declaration=True))
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}", "name another file in --plot") from error


def plot(found: Comparison) -> str:
    """Draw the curve as an SVG element."""
    names = {"reused": "reused", "scratch": "from scratch", "linear": "linear"}
    series = []
    for name, title in names.items():
        reached = [(one.labels, getattr(one, name)) for one in found.curve]
        points = [(float(labels or 0), figures.mean) for labels, figures in reached if figures is not None]
        series += [Series(title, points, marks=points)] if points else []
    return line_chart(f"{found.model} on {found.data}", series, ("labels a class", f"test {found.measure}"))


def _style() -> ET.Element:
    style = ET.Element("style")
    style.text = STYLE
    return style
