from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from zoo.html_report.bars import Bar, Interval, bar_chart, interval_chart
from zoo.html_report.drawing import Scale, decades, rounds
from zoo.html_report.grids import heat_map, state_chart
from zoo.html_report.lines import Band, Series, line_chart, scatter

HOSTILE = '<script>alert(1)</script>&"\x00'


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("text")]


def points(svg: str, name: str) -> list[tuple[float, float]]:
    """Return the longest line of a class: those of the legend have two points."""
    lines = [one.attrib["points"] for one in ET.fromstring(svg).iter("polyline") if one.attrib["class"] == name]
    pairs = [pair.split(",") for pair in max(lines, key=len).split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_line_goes_where_its_numbers_say() -> None:
    svg = line_chart("loss", [Series("a", [(1, 1.0), (2, 0.5), (3, 0.0)])], ("epoch", "loss"), within=(0.0, 1.0))
    (x1, y1), (x2, y2), (x3, y3) = points(svg, "s0")
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert y1 < y2 < y3, "down the page is down"
    assert y2 == pytest.approx((y1 + y3) / 2, abs=0.11)
    assert {"epoch", "loss", "0", "0.4", "1"} <= set(texts(svg))


def test_a_logarithmic_axis_has_a_decade_every_so_far() -> None:
    svg = line_chart("g", [Series("a", [(1, 1e-1), (2, 1e-3), (3, 1e-5)])], ("epoch", "g"), log=True)
    (_, y1), (_, y2), (_, y3) = points(svg, "s0")
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.11)


def test_a_logarithmic_x_axis_has_round_numbers_and_even_steps() -> None:
    svg = line_chart("c", [Series("a", [(10, 0.5), (30, 0.6), (90, 0.7), (0, 0.9)])], ("labels", "y"), log_x=True)
    (x1, _), (x2, _), (x3, _) = points(svg, "s0")  # no logarithm of 0
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)
    assert {"10", "20", "50"} <= set(texts(svg))
    assert "7" in texts(line_chart("c", [Series("a", [(7, 1.0)])], ("x", "y"), log_x=True, ticks=[7.0]))
    rates = [(10.0**power, 1.0) for power in range(-6, 1)]
    assert {"1e-06", "0.001", "1"} <= set(texts(line_chart("c", [Series("a", rates)], ("rate", "loss"), log_x=True)))


def test_intervals_are_error_bars_within_the_axis_and_side_by_side() -> None:
    series = [
        Series("a", [(1, 0.5), (2, 0.6)], intervals=[(1, 0.2, 0.8), (2, 0.5, 0.7), (2, math.nan, 1.0)]),
        Series("b", [(1, 0.5), (2, 0.6)], intervals=[(1, 0.2, 0.8)]),
    ]
    root = ET.fromstring(line_chart("c", series, ("x", "y")))
    upright = [one.attrib for one in root.iter("line") if "bar" in one.attrib["class"].split() and
               one.attrib["x1"] == one.attrib["x2"]]  # fmt: skip
    assert [one["class"] for one in upright] == ["s0 bar", "s0 bar", "s1 bar"]
    first, second, other = ({name: float(at) for name, at in one.items() if name != "class"} for one in upright)
    assert first["y1"] - first["y2"] == pytest.approx(3 * (second["y1"] - second["y2"]), abs=0.3)
    assert (first["y1"], first["y2"]) == (other["y1"], other["y2"])
    assert other["x1"] - first["x1"] == pytest.approx(7)
    grid = [float(one.attrib["y1"]) for one in root.iter("line") if one.attrib["class"] == "grid"]
    assert first["y2"] >= min(grid) - 30 and first["y1"] <= max(grid) + 30


def test_names_of_stretches_do_not_run_into_one_another() -> None:
    bands = [Band(place, place + 1, f"phase {place}") for place in range(30)]
    svg = ET.fromstring(line_chart("c", [Series("a", [(0, 1), (30, 2)])], ("x", "y"), bands=bands))
    named = [one for one in svg.iter("text") if (one.text or "").startswith("phase")]
    places = [float(one.attrib["x"]) for one in named]
    assert 3 < len(places) < 12
    assert all(right - left > 50 for left, right in pairwise(places))


def test_the_names_of_narrow_columns_stand_aslant() -> None:
    for columns, aslant in ((["1", "2"], False), ([f"phase {place}" for place in range(24)], True)):
        svg = ET.fromstring(state_chart("t", ["a"], columns, [["x"] * len(columns)], {"x": "ex"}))
        heads = [one.attrib["transform"] for one in svg.iter("text") if one.text in columns]
        assert len(heads) == len(columns)
        assert all(("rotate" in head) == aslant for head in heads)


def test_a_line_begins_anew_where_a_phase_does() -> None:
    chart = line_chart("l", [Series("a", [(1, 1), (2, 0), (3, 1), (4, 0)], breaks=[3])], ("epoch", "loss"))
    lines = list(ET.fromstring(chart).iter("polyline"))
    assert [len(one.attrib["points"].split()) for one in lines] == [2, 2]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_left_out(value: float) -> None:
    svg = line_chart("loss", [Series("a", [(1, 1.0), (2, value), (3, 2.0)])], ("epoch", "loss"))
    assert len(points(svg, "s0")) == 2
    assert "nan" not in svg and "inf" not in svg


@pytest.mark.parametrize("series", [[], [(1.0, 0.5)], [(1.0, math.nan)], [(1.0, 2.0), (2.0, 2.0)]])
def test_charts_of_few_points_can_be_drawn(series: list[tuple[float, float]]) -> None:
    for log in (False, True):
        assert ET.fromstring(line_chart("t", [Series("a", series)], ("x", "y"), log=log)).tag == "svg"
    assert ET.fromstring(scatter("t", series, ("x", "y"), diagonal=True)).tag == "svg"


def test_bars_are_as_long_as_their_values() -> None:
    svg = ET.fromstring(bar_chart("t", [Bar("a", 1.0, "1"), Bar("b", 0.25, "0.25"), Bar("c", -3.0, "-3")], 1.0))
    widths = [float(one.attrib["width"]) for one in svg.iter("rect") if one.attrib["class"] == "f0"]
    assert widths[1] == pytest.approx(widths[0] / 4, abs=0.1)
    assert widths[2] == 0


def test_an_interval_reaches_from_end_to_end() -> None:
    svg = ET.fromstring(interval_chart("t", [Interval("a", 0.5, 0.4, 0.6), Interval("b", 0.9, 0.8, 1.0)], "accuracy"))
    first, second = (one.attrib for one in svg.iter("line") if "thick" in one.attrib["class"])
    assert float(first["x1"]) < float(first["x2"]) < float(second["x1"]) < float(second["x2"])


def test_a_heat_map_says_how_many_and_is_darkest_where_most_are() -> None:
    svg = ET.fromstring(heat_map("t", ["cat", "dog"], [[9, 1], [0, 4]]))
    cells = list(svg.iter("rect"))
    assert [one.findtext("title") for one in cells] == [
        "is cat, said cat: 9 (90.0%)", "is cat, said dog: 1 (10.0%)", "is dog, said cat: 0 (0.0%)",
        "is dog, said dog: 4 (100.0%)",
    ]  # fmt: skip
    shades = [float(one.attrib["fill-opacity"]) for one in cells]
    assert shades[3] > shades[0] > shades[1] > shades[2]


def test_a_chart_of_states_has_a_cell_for_each() -> None:
    svg = ET.fromstring(state_chart("t", ["a", "b"], ["1", "2"], [["x", "y"], ["y", "y"]], {"x": "ex", "y": "why"}))
    cells = [one for one in svg.iter("rect") if one.find("title") is not None]
    assert [one.attrib["class"] for one in cells] == ["x", "y", "y", "y"]
    assert cells[0].findtext("title") == "a, 1: ex"


def test_names_come_out_escaped() -> None:
    drawn = [
        line_chart(HOSTILE, [Series(HOSTILE, [(1, 1)]), Series("b", [(1, 2)])], (HOSTILE, HOSTILE),
                   bands=[Band(0, 1, HOSTILE)]),
        scatter(HOSTILE, [(1, 1)], (HOSTILE, "y"), diagonal=False),
        bar_chart(HOSTILE, [Bar(HOSTILE, 1.0, HOSTILE)]),
        interval_chart(HOSTILE, [Interval(HOSTILE, 1, 0, 2)], HOSTILE),
        heat_map(HOSTILE, [HOSTILE], [[1]]),
        state_chart(HOSTILE, [HOSTILE], [HOSTILE], [["x"]], {"x": HOSTILE}),
    ]  # fmt: skip
    for svg in drawn:
        assert "<script" not in svg
        assert "&lt;script" in svg
        assert ET.fromstring(svg).tag == "svg"


def test_ticks_are_round_and_within_the_scale() -> None:
    for low, high in ((0.0, 1.0), (-3.0, 17.0), (0.91, 0.97), (1e-9, 3e-9), (-1e6, 1e6)):
        ticks = rounds(low, high)
        assert 3 <= len(ticks) <= 12
        assert low - 1e-12 <= ticks[0] and ticks[-1] <= high + 1e-12
    assert decades(1e-8, 1.0) == [1e-8, 1e-6, 1e-4, 1e-2, 1.0]
    assert Scale(2, 2, 0, 10).place(2) == 5
