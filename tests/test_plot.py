"""Figures as files: what stands alone, what is refused, and the figure of a depth search."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from registry.errors import ZooError
from zoo.depth_plot import plot
from zoo.depth_record import CutFound, DepthRecord, keep, kept, read
from zoo.html_report.grids import heat_map
from zoo.html_report.lines import Series, line_chart
from zoo.html_report.palette import FIGURES, LIGHT
from zoo.plot import check_plot, write_plot

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def search() -> DepthRecord:
    """A search of three cuts, the second of which is the best."""
    cuts = (
        CutFound("hidden1", 63, 0.8, epochs=3, seconds=0.5),
        CutFound(f"{HOSTILE}/hidden2", 111, 0.9, 0.95, (0.9, 0.98), 12, 2.0),
        CutFound("hidden3", 146, 0.85),
    )
    return DepthRecord("tiny@abc", "blobs.npz", "f" * 64, "accuracy", cuts, 1, 60, 3.25)


def test_a_figure_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.svg"
    write_plot(path, line_chart("loss", [Series("a", [(1, 1.0), (2, 0.5)])], ("x", "y")))
    root = ET.parse(path).getroot()
    assert root.tag == f"{NAMESPACE}svg"
    style = root.findtext(f"{NAMESPACE}style") or ""
    assert "var(" not in style, "few programs but browsers know variables"
    assert f".s0 {{ stroke: {LIGHT['c0']}; }}" in style
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top) == (-10, -10)
    assert (root.attrib["width"], root.attrib["height"]) == (f"{width:g}", f"{height:g}")
    assert [one.name for one in tmp_path.iterdir()] == ["c.svg"]


@pytest.mark.parametrize("drawn", ["lines", "grids"])
def test_every_class_of_a_figure_is_in_the_style_sheet(drawn: str, search: DepthRecord) -> None:
    figures = {
        "lines": line_chart("t", [Series("a", [(1, 1.0)], [(1, 1.0)], intervals=[(1, 0.5, 2.0)])], ("x", "y")),
        "grids": heat_map("t", ["a"], [[1]]) + plot(search).replace("<svg", "\n<svg", 1),
    }
    used = {name for names in re.findall(r'class="([^"]+)"', figures[drawn]) for name in names.split()}
    assert used
    assert {name for name in used if f".{name}" not in FIGURES} == set()


def test_what_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"--plot writes SVG; got a\.png") as caught:
        check_plot(tmp_path / "a.png")
    assert caught.value.hint == "such as --plot a.svg"
    with pytest.raises(ZooError, match=f"--plot: there is no folder {tmp_path / 'no'}") as caught:
        check_plot(tmp_path / "no" / "a.svg")
    assert caught.value.hint == "make it, or name another file"
    check_plot(tmp_path / "a.SVG")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(ZooError, match=f"cannot write {tmp_path / 'a.svg'}: Is a directory") as caught:
        write_plot(tmp_path / "a.svg", heat_map("t", ["a"], [[1]]))
    assert caught.value.hint == "name another file in --plot"
    assert [one.name for one in tmp_path.iterdir()] == ["a.svg"]


def test_a_depth_search_is_drawn_row_by_row(search: DepthRecord) -> None:
    root = ET.fromstring(plot(search))
    names = [one.text for one in root.iter("text") if (one.attrib.get("class") or "").startswith("tick")]
    assert names[-3:] == ["hidden1", "<script>alert…ipt>/hidden2 ✓", "hidden3"]
    assert "<script" not in plot(search)
    titles = [one.text for one in root.iter("title")]
    assert f"{HOSTILE}/hidden2: trained 0.9500 (0.9000 to 0.9800)" in titles
    assert "hidden3: probe 0.8500" in titles
    (bar,) = (
        one.attrib for one in root.iter("line") if one.attrib["class"] == "s0 thick" and one.attrib["y1"] != "10.0"
    )
    probes = [one.attrib["cx"] for one in root.iter("circle") if one.attrib["class"] == "frozen mark"]
    assert float(probes[0]) < float(probes[2]) < float(probes[1]) == pytest.approx(float(bar["x1"]))


def test_a_search_is_kept_by_revision_and_data(search: DepthRecord, tmp_path: Path) -> None:
    folder = tmp_path / "depths"
    assert kept(folder, search.model, search.fingerprint) is None
    keep(folder, search)
    assert kept(folder, "other-name@abc", search.fingerprint) == search
    assert kept(folder, "tiny@abd", search.fingerprint) is None
    assert kept(folder, search.model, "e" * 64) is None
    keep(folder, search)
    (path,) = folder.iterdir()
    for content, message in ((b"{", "cannot be read: "), (path.read_bytes().replace(b'"best":1', b'"best":3'),
                                                            "has no cut of number 3")):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(ZooError, match=f"{path} {message}") as caught:
            read(path)
        assert caught.value.hint == "remove it; zoo search-depth makes it anew"
