"""`zoo rank` on a real catalogue of small models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain

from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot
from transfer.draft import draft

Zoo = Callable[..., Any]


@pytest.fixture
def models(tiny: str, zoo_home: Path, tmp_path: Path) -> None:
    """Beside `tiny`, one that is much narrower, one for other samples, and one that is kept as it came."""
    shelf = Shelf(Home(zoo_home))
    for name, model, width in (
        ("t-narrow", chain((1,)), 8), ("t-other", chain((4,), width=5), 5), ("t-kept", chain((3,)), 8)
    ):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        card = replace(draft(model, folder / "model.keras", blobs(16, width=width)[0]), name=name)
        shelf.publish(replace(card, layers=(), format="gguf") if name == "t-kept" else card, folder, Spot(name))


def test_the_document(zoo_command: Zoo, models: None, data_file: Path) -> None:
    found = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert [one["name"] for one in found["models"]] == ["tiny", "t-narrow"]
    first, second = found["models"]
    assert (first["rank"], second["rank"], first["rank_by_size"], second["rank_by_size"]) == (1, 2, 1, 2)
    assert first["score"] == first["scores"]["probe"] > second["score"]
    assert first["ci95"][0] <= first["score"] <= first["ci95"][1] and first["seconds"] > 0
    assert set(first["scores"]) == {"probe", "knn", "logme", "leep", "hscore"}
    assert first["parameters"] > second["parameters"]
    assert found["rank_correlation"] is None
    reasons = {one["name"]: one["reason"] for one in found["left_out"]}
    assert reasons["t-kept"] == "kept as it came, in the format gguf, which cannot be opened yet"
    assert "5" in reasons["t-other"] and set(reasons) == {"t-kept", "t-other"}


def test_the_page_and_the_names(zoo_command: Zoo, models: None, data_file: Path) -> None:
    page = zoo_command("rank", "t*", "--data", data_file)
    assert page.split()[:4] == ["RANK", "MODEL", "PROBE", "KNN"]
    assert "not ranked:\n  t-kept: kept as it came" in page
    assert "next    zoo transfer tiny@" in page and "test data are untouched" in page
    assert zoo_command("rank", "t*", "--data", data_file, "-q").split() == ["tiny", "t-narrow"]


def test_a_transfer_afterwards_finds_the_features(zoo_command: Zoo, models: None, data_file: Path) -> None:
    reuse = zoo_command("rank", "tiny", "--data", data_file, "--json")["models"][0]["reuse"]
    run = zoo_command(
        "transfer", "tiny", "--data", data_file, "--reuse", reuse, "--unfreeze", "none", "--epochs", "2",
        "--no-compare-scratch", "--json",
    )  # fmt: skip
    assert run["cache"]["hit"] and run["cache"]["extracted"] == 0


def test_it_can_rank_by_size_and_other_scores(zoo_command: Zoo, models: None, data_file: Path) -> None:
    by_size = zoo_command("rank", "t*", "--data", data_file, "--by", "size", "--json")
    assert [one["score"] for one in by_size["models"]] == [one["parameters"] for one in by_size["models"]]
    assert by_size["models"][0]["ci95"] is None and by_size["ties"] == []
    for by in ("logme", "hscore", "knn"):
        found = zoo_command("rank", "t*", "--data", data_file, "--by", by, "--json")
        assert found["models"][0]["score"] == found["models"][0]["scores"][by]


def test_calibration_says_what_was_reached(zoo_command: Zoo, models: None, data_file: Path) -> None:
    found = zoo_command("rank", "t*", "--data", data_file, "--calibrate", "3", "--json")
    assert all(0 <= one["trained"] <= 1 for one in found["models"])
    if len({one["trained"] for one in found["models"]}) == 2:
        assert set(found["rank_correlation"]) == {"probe", "size"}


def test_numbers_have_dashes_for_scores_of_classes(zoo_command: Zoo, models: None, tmp_path: Path) -> None:
    x, y = blobs(90)
    path = tmp_path / "numbers.npz"
    np.savez(path, x=x, y=(x[:, 0] + y).astype(np.float32))
    found = zoo_command("rank", "t*", "--data", path, "--json")
    assert found["measure"] == "R2" and found["models"][0]["scores"]["hscore"] is None
    assert " - " in zoo_command("rank", "t*", "--data", path)
    zoo_command("rank", "t*", "--data", path, "--by", "hscore", code=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing*",), "the pattern 'nothing*' selects no model"),
        (("t-[ok]*",), "no model fits"),
        (("t*", "--by", "logmee"), "no score is named 'logmee'"),
        (("t*", "--by", "leep"), "it has no classes of its own, which leep needs"),
    ],
)
def test_what_is_refused(
    zoo_command: Zoo, models: None, data_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    found = zoo_command("rank", *arguments, "--data", data_file, "--json", code=1)
    assert message in found["error"]["message"] and found["error"]["hint"]


def test_data_without_labels_are_refused(zoo_command: Zoo, models: None, tmp_path: Path) -> None:
    path = tmp_path / "bare.npy"
    np.save(path, blobs(30)[0])
    found = zoo_command("rank", "t*", "--data", path, "--json", code=1)
    assert "label" in found["error"]["message"]
