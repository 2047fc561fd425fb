"""SVG elements, scales and axes, which all figures have in common. Text is escaped by ElementTree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

SMALLEST = 0.78  # of its size, below which a figure is moved sideways and not made smaller still
NAME = 26  # letters of a label, of which there is room for no more


@dataclass(frozen=True)
class Scale:
    """From numbers to places on the page, linear or logarithmic.

    >>> Scale(0, 10, 100, 200).place(5), Scale(0.01, 1, 0, 100, log=True).place(0.1)
    (150.0, 50.0)
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a number lies; what is beyond an end lies at the end."""
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(value) - low) / (high - low) if high > low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round numbers within the scale."""
        if self.log:
            return decades(self.low, self.high, about)
        return rounds(self.low, self.high, about)

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value


def rounds(low: float, high: float, about: int = 5) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten between two numbers.

    >>> rounds(0, 1), rounds(3, 47)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [10.0, 20.0, 30.0, 40.0])
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def decades(low: float, high: float, about: int = 5) -> list[float]:
    """Return powers of ten between two numbers; where there are few, multiples of them, too.

    >>> decades(0.05, 3)
    [0.1, 0.3, 1.0, 3.0]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    wide = math.ceil(math.log10(high)) - math.floor(math.log10(low))
    factors = (1, 2, 5) if wide <= 2 else (1, 3) if wide <= 3 else (1,)
    each = max(1, math.ceil((last - first) / about)) if len(factors) == 1 else 1
    start = first if len(factors) == 1 else first - 1
    found = [float(f"{factor}e{power}") for power in range(start, last + 1, each) for factor in factors]
    return [one for one in found if low * 0.999 <= one <= high * 1.001]


def number(value: float) -> str:
    """Write a tick's number.

    >>> number(0.2), number(1200.0), number(1e-05)
    ('0.2', '1200', '1e-05')
    """
    return f"{value:.4g}" if abs(value) < 1e4 or abs(value) >= 1e6 else f"{value:,.0f}"


def shortened(text: str, most: int = NAME) -> str:
    """Take out the middle of a long name.

    >>> shortened("block12/expanded_conv/depthwise", 15)
    'block12…pthwise'
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"


def canvas(width: float, height: float, title: str) -> ET.Element:
    """Begin a figure; `title` is what is read aloud."""
    style = f"max-width:{width:g}px;min-width:{SMALLEST * width:.0f}px"
    svg = ET.Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "style": style})
    ET.SubElement(svg, "title").text = printable(title)
    return svg


def line(svg: ET.Element, ends: Sequence[float], name: str) -> None:
    """Draw a line from `x1, y1` to `x2, y2`."""
    ET.SubElement(
        svg,
        "line",
        {key: f"{at:.1f}" for key, at in zip(("x1", "y1", "x2", "y2"), ends, strict=True)} | {"class": name},
    )


def box(svg: ET.Element, corner: Sequence[float], size: Sequence[float], name: str, **more: str) -> ET.Element:
    """Draw a rectangle from its upper left corner."""
    places = {"x": corner[0], "y": corner[1], "width": max(0.0, size[0]), "height": max(0.0, size[1])}
    return ET.SubElement(svg, "rect", {key: f"{at:.1f}" for key, at in places.items()} | {"class": name} | more)


def dot(svg: ET.Element, x: float, y: float, name: str, radius: float = 3.5) -> ET.Element:
    """Draw a filled circle."""
    return ET.SubElement(svg, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}", "class": name})


def words(svg: ET.Element, x: float, y: float, text: str, name: str = "", anchor: str = "start") -> ET.Element:
    """Write text."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    made = ET.SubElement(svg, "text", place | ({"class": name} if name else {}))
    made.text = printable(text)
    return made


def hint(element: ET.Element, text: str) -> None:
    """Say more of an element where the pointer rests on it."""
    ET.SubElement(element, "title").text = printable(text)


def printable(text: str) -> str:
    """Replace what XML cannot hold or no one can see.

    >>> printable("a\\x00b")
    'a?b'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def axes(svg: ET.Element, x: Scale, y: Scale, labels: tuple[str, str], ticks: Sequence[float] = ()) -> None:
    """Draw both axes with ticks, those of the x-axis at round numbers if not said, and the upright one's grid."""
    for tick in y.ticks():
        at = y.place(tick)
        line(svg, (x.start, at, x.end, at), "grid")
        words(svg, x.start - 7, at + 4, number(tick), "tick", "end")
    line(svg, (x.start, y.start, x.end, y.start), "axis")
    for tick in ticks or x.ticks(6):
        at = x.place(tick)
        line(svg, (at, y.start, at, y.start + 4), "axis")
        words(svg, at, y.start + 17, number(tick), "tick", "middle")
    words(svg, (x.start + x.end) / 2, y.start + 35, labels[0], "label", "middle")
    turned = words(svg, 0, 0, labels[1], "label", "middle")
    turned.set("transform", f"translate(11 {(y.start + y.end) / 2:.1f}) rotate(-90)")
    del turned.attrib["x"], turned.attrib["y"]


def finished(svg: ET.Element) -> str:
    """Return a figure as text."""
    return ET.tostring(svg, encoding="unicode")
