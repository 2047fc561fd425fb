"""`--lr-find`: what is printed, drawn and recorded of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import zoo
from transfer.lr_range import Range
from zoo.rate_finding import curve, plot

FOUND = Range((1e-4, 1e-3, 1e-2, 1e-1, 1.0), (2.0, 1.8, 1.0, 0.5, 9.0), 0.01)
REUSE = ("--reuse", "hidden[12]")


def test_the_curve_is_a_table_with_bars() -> None:
    assert curve(FOUND).splitlines() == [
        "LR        LOSS",
        "0.0001  2.0000  ###########################",
        "0.001   1.8000  ########################",
        "0.01 *  1.0000  #############",
        "0.1     0.5000  #######",
        "1       9.0000  #######################################>",
    ]


def test_a_long_curve_is_shown_in_part_with_the_best_rate_in_it() -> None:
    rates = tuple(10 ** (place / 20 - 5) for place in range(100))
    lines = curve(Range(rates, (1.0,) * 100, rates[51])).splitlines()
    assert len(lines) == 1 + 21
    assert [line.split()[0] for line in lines if "*" in line] == [f"{rates[51]:.2g}"]


def test_the_figure_marks_the_rate_on_a_logarithmic_axis() -> None:
    svg = ET.fromstring(plot(FOUND))
    (mark,) = (one for one in svg.iter() if one.tag.endswith("circle"))
    (line,) = (one for one in svg.iter() if one.tag.endswith("polyline"))
    places = [float(point.split(",")[0]) for point in line.attrib["points"].split()]
    assert float(mark.attrib["cx"]) == pytest.approx(places[2], abs=0.2)
    assert places[1] - places[0] == pytest.approx(places[4] - places[3], abs=0.3)
    assert "the loss falls fastest at 0.01" in ET.tostring(svg, encoding="unicode")


def test_the_command_shows_a_rate_and_what_to_type_and_trains_nothing(
    tiny: str, data_file: Path, zoo_command: Any, zoo_home: Path, tmp_path: Path
) -> None:
    options = ("transfer", tiny, *REUSE, "--data", data_file, "--batch-size", 20, "--lr-find")
    picture = tmp_path / "rates.svg"
    text = zoo_command(*options, "--plot", picture)
    document = zoo_command(*options, "--json")
    assert zoo_command(*options, "--json") == document, "the same seed gives the same rate"
    assert (
        f"\n* the loss falls fastest: {document['suggested']:g}, of {len(document['rates'])} rates from 1e-06" in text
    )
    assert "nothing is kept of these steps; test data are untouched" in text
    assert "note: the model from scratch trains at the same rate, which may suit it less" in text
    assert text.endswith(f"\nnext    {document['next']}\n\nplot    {picture}\n")
    assert f"--reuse 'hidden[12]' --batch-size 20 --lr {document['suggested']} " in document["next"]
    assert len(document["rates"]) == len(document["losses"])
    assert zoo_command(*options, "--quiet") == f"{document['suggested']:g}\n"
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert not (zoo_home / "runs").exists()


def test_python_finds_the_same_rate_whether_features_are_cached_or_not(tiny: str, data_file: Path) -> None:
    found = zoo.lr_find(tiny, str(data_file), reuse="hidden[12]", batch_size=20)
    again = zoo.lr_find(tiny, str(data_file), reuse="hidden[12]", batch_size=20, cached=False)
    assert again.suggested == found.suggested
    assert again.losses == pytest.approx(found.losses, rel=1e-4)
    whole = zoo.lr_find(tiny, str(data_file), reuse="hidden[12]", batch_size=20, freeze="none", layer_decay=0.5)
    assert whole.losses != found.losses


@pytest.mark.parametrize(("options", "code", "message", "hint"), [
    (("--plot", "rates.svg"), 2, "--plot draws the curve of --lr-find", "add --lr-find, which trains nothing"),
    (("--lr-find", "--lr", 0.1), 2, "--lr-find looks for a rate and trains nothing; got --lr", "leave --lr out"),
    (("--lr-find", "--publish-as", "new"), 2, "trains nothing; got --publish-as", "leave --publish-as out"),
    (("--lr-find", "--tensorboard", "d"), 2, "trains nothing; got --tensorboard", "leave --tensorboard out"),
    (("--lr-find", "--seeds", 3), 2, "trains nothing; got --seeds", "leave --seeds out"),
    (("--lr-find", "--plot", "rates.png"), 1, "--plot writes SVG; got rates.png", "such as --plot rates.svg"),
])  # fmt: skip
def test_what_does_not_go_with_it_is_refused_before_any_work(
    tiny: str, zoo_command: Any, options: tuple[Any, ...], code: int, message: str, hint: str
) -> None:
    zoo_command("transfer", tiny, *REUSE, "--data", "no-such-file.npz", *options, code=code)
    assert message in zoo_command.err
    assert hint in zoo_command.err
