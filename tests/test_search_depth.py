from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

QUICK = ("--epochs", 6, "--batch-size", 16, "--lr", 0.02)
Zoo = Callable[..., Any]


@pytest.fixture
def document(zoo_command: Zoo, tiny: str, data_file: Path, tmp_path: Path) -> Any:
    """A search of the small net."""
    command = ("search-depth", tiny, "--data", data_file, *QUICK, "--seeds", 2, "--train", 2, "--surgical")
    return zoo_command(*command, "--plot", tmp_path / "depth.svg", "--json")


def test_a_search_from_end_to_end(document: Any, zoo_command: Zoo, tmp_path: Path) -> None:
    assert [one["cut"] for one in document["cuts"]] == ["hidden1", "hidden2", "hidden3"]
    assert [one["parameters_frozen"] for one in document["cuts"]] == [63, 111, 146]
    assert [one["reuse"] for one in document["cuts"]] == ["hidden1", "hidden[12]", "hidden[1-3]"]
    trained = [one for one in document["cuts"] if one["valid_accuracy"] is not None]
    assert len(trained) == 2
    for one in trained:
        assert len(one["seeds"]) == 2
        assert one["valid_accuracy"] == pytest.approx(np.mean(one["seeds"]))
        assert one["valid_ci95"][0] < one["valid_accuracy"] < one["valid_ci95"][1] or one["valid_accuracy"] == 1
    assert document["best"] in [one["cut"] for one in trained]
    assert document["probed_samples"] == 60
    assert [one["trains"] for one in document["surgical"]] == [[], ["hidden1"], ["hidden2"], ["hidden3"]]
    figure = ElementTree.parse(tmp_path / "depth.svg").getroot()
    assert figure.tag.endswith("svg")
    assert "hidden3" in "".join(figure.itertext())


def test_the_next_command_runs_and_extracts_nothing(document: Any, zoo_command: Zoo) -> None:
    words = document["next"].replace("'", "").split()
    assert words[:2] == ["zoo", "transfer"]
    result = zoo_command(*words[1:], "--unfreeze", "none", "--no-compare-scratch", "--json")
    assert result["cut"] == [document["best"]]
    assert result["cache"]["hit"] is True


def test_a_search_trains_as_a_transfer_does(document: Any, zoo_command: Zoo) -> None:
    words = document["next"].replace("'", "").split()
    result = zoo_command(*words[1:], "--unfreeze", "none", "--no-compare-scratch", "--json")
    (best,) = (one for one in document["cuts"] if one["cut"] == document["best"])
    assert result["valid_accuracy"] == pytest.approx(best["seeds"][0])


def test_what_people_read(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    text = zoo_command("search-depth", tiny, "--data", data_file, *QUICK, "--train", 1)
    assert re.search(r"CUT +FROZEN +PROBE +VALID", text)
    assert len(re.findall(r"hidden\d \*", text)) == 1
    assert "for one pass over 60 samples; test data are untouched" in text
    assert re.search(r"next    zoo transfer tiny@\w+ --data \S+ --reuse", text)
    assert zoo_command("search-depth", tiny, "--data", data_file, *QUICK, "--train", 0, "-q").startswith("hidden")


def test_what_was_given_up_says_how_far_it_came(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    command = ("search-depth", tiny, "--data", data_file, *QUICK, "--patience", 6, "--train", 1)
    found = zoo_command(*command, "--json")["cuts"]
    (ended,) = (one for one in found if one["valid_accuracy"] is not None)
    assert (ended["epochs"], ended["accuracy_when_dropped"]) == (6, None)
    assert sorted(one["epochs"] for one in found) == [1, 2, 6], "half are dropped after a round, which doubles"
    for one in found:
        if one is not ended:
            assert 0 <= one["accuracy_when_dropped"] <= 1
            assert (one["valid_ci95"], one["valid_loss"], one["seeds"]) == (None, None, [])
    text = zoo_command(*command)
    assert all(re.search(rf"0\.\d{{4}} +{epochs}, dropped", text) for epochs in (1, 2))


def test_a_choice_of_cuts(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    command = ("search-depth", tiny, "--data", data_file, *QUICK, "--train", 0, "--json")
    assert [one["cut"] for one in zoo_command(*command, "--cuts", "hidden[13]")["cuts"]] == ["hidden1", "hidden3"]


def test_a_new_top_stands_on_each_cut(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    command = ("search-depth", tiny, "--data", data_file, *QUICK, "--train", 1, "--top", "9", "--json")
    assert "--top 9" in zoo_command(*command)["next"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cuts", "outputs"), "no valid cut lies after outputs: outputs gives the model's outputs"),
        (("--cuts", "hiden"), "the regex 'hiden' selects no layer"),
        (("--plot", "nowhere/depth.svg"), "--plot: there is no folder nowhere"),
        (("--plot", "depth.png"), "--plot writes SVG; got depth.png"),
    ],
)
def test_what_is_refused(
    zoo_command: Zoo, tiny: str, data_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    zoo_command("search-depth", tiny, "--data", data_file, *QUICK, "--train", 0, *arguments, code=1)
    assert message in zoo_command.err  # type: ignore[attr-defined]
