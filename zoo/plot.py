"""A figure as a file: an SVG that stands alone. All commands with `--plot` check and write it here."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from registry.errors import ZooError
from registry.whole import whole
from zoo.html_report.palette import alone

MARGIN = 10


def check_plot(path: Path) -> None:
    """Refuse a plot before anything is computed for it.

    Raises:
        ZooError: the name is not an SVG's, or there is no such folder.
    """
    if path.suffix.lower() != ".svg":
        raise ZooError(f"--plot writes SVG; got {path.name}", f"such as --plot {path.stem or 'plot'}.svg")
    if not path.parent.is_dir():
        raise ZooError(f"--plot: there is no folder {path.parent}", "make it, or name another file")


def write_plot(path: Path, figure: str) -> None:
    """Write a figure of `zoo.html_report` with its style sheet; whole or not at all.

    Raises:
        ZooError: the file cannot be written.
    """
    try:
        with whole(path) as temporary:
            temporary.write_bytes(standing(figure))
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}", "name another file in --plot") from error


def standing(figure: str) -> bytes:
    """Return a figure as a document of its own: namespace, style, a margin, and the size that it was drawn for."""
    svg = ET.fromstring(figure)
    *_, width, height = map(float, svg.attrib["viewBox"].split())
    wide, high = width + 2 * MARGIN, height + 2 * MARGIN
    svg.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"{-MARGIN} {-MARGIN} {wide:g} {high:g}"}
    svg.attrib |= {"width": f"{wide:g}", "height": f"{high:g}"}
    del svg.attrib["style"]
    style = ET.Element("style")
    style.text = alone()
    svg.insert(1, style)
    return (ET.tostring(svg, encoding="unicode") + "\n").encode()
