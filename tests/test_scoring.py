"""What a model is scored on: a split, data that hold one only, or every sample; and what of them it has seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import real, write
from real_data import QUICK, digit_folder, digits

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")
OTHERS = "these are other data than the model's run had; samples that they share may have been trained on"


def transferred(zoo_command: Zoo, data: Path, *words: object, name: str = "net", reuse: str = "block.*") -> Any:
    """Make the model `mine` of a net; return what was recorded."""
    options = ("--reuse", reuse, *QUICK, *words, "--publish-as", "mine", "--json")
    return zoo_command("transfer", name, "--data", data, *options)


def scored(zoo_command: Zoo, data: Path, *words: object) -> Any:
    return zoo_command("evaluate", "mine", "--data", data, *words, "--json")


@pytest.mark.parametrize("words", [(), ("--limit-per-class", "5"), ("--split", "60/20/20"), ("--classes", "0,1")])
def test_all_of_the_data_of_a_run(words: tuple[str, ...], zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 20, 3)
    done = transferred(zoo_command, data, *words)
    parts = {split: scored(zoo_command, data, "--split", split) for split in ("train", "valid", "test")}
    assert all(part["notes"] == [] and part["split"] == split for split, part in parts.items())
    found = scored(zoo_command, data, "--split", "all")
    train, valid, test = (parts[split]["n"] for split in parts)
    note = f"the model's run trained on {train} of these samples and chose by {valid}"
    assert found["notes"] == [f"{note}; the {test} of its test split are new to it"]
    assert (found["split"], found["n"]) == ("all", 20 * len(done["classes"]))
    if "--limit-per-class" not in words:
        right = sum(part["n"] * part["accuracy"] for part in parts.values())
        assert found["accuracy"] == pytest.approx(right / found["n"])
        assert found["loss"] == pytest.approx(sum(p["n"] * p["loss"] for p in parts.values()) / found["n"], rel=1e-5)


def test_all_of_data_in_folders_of_splits(zoo_command: Zoo, tmp_path: Path) -> None:
    data = tmp_path / "digits"
    for split, (count, skip) in {"train": (12, 0), "val": (4, 12)}.items():
        digit_folder(data / split, count, 3, skip)
    transferred(zoo_command, data)
    found = scored(zoo_command, data, "--split", "all")
    assert found["n"] == 48
    assert found["notes"] == ["the model's run trained on 36 of these samples and chose by 12"]
    zoo_command("evaluate", "mine", "--data", data, code=1)
    assert f"error: {data} has no test split\nhint: pass --split train, valid or all" in zoo_command.err


def test_data_held_out_are_scored_whole(zoo_command: Zoo, tmp_path: Path) -> None:
    transferred(zoo_command, digit_folder(tmp_path / "digits", 20, 3))
    held = digit_folder(tmp_path / "held", 7, 3, skip=30)
    found = scored(zoo_command, held, "--split", "all")
    assert (found["n"], found["notes"]) == (21, [OTHERS])
    parted = digit_folder(tmp_path / "parted" / "test", 7, 3, skip=30).parent
    again = scored(zoo_command, parted)
    assert (again["n"], again["split"], again["accuracy"]) == (21, "test", found["accuracy"])
    assert scored(zoo_command, parted, "--split", "all")["accuracy"] == found["accuracy"]
    assert "mine on" in (page := zoo_command("evaluate", "mine", "--data", held, "--split", "all"))
    assert f"{held}, all: 21 samples" in page
    assert zoo_command("predict", "mine", "--input", parted, "--json")["count"] == 21


def test_data_of_validation_alone(zoo_command: Zoo, tmp_path: Path) -> None:
    transferred(zoo_command, digit_folder(tmp_path / "digits", 20, 3))
    data = digit_folder(tmp_path / "held" / "val", 7, 3, skip=30).parent
    found = scored(zoo_command, data)
    assert (found["n"], found["split"], found["notes"]) == (21, "valid", [OTHERS])
    assert "valid: 21 samples" in zoo_command("evaluate", "mine", "--data", data)
    zoo_command("evaluate", "mine", "--data", data, "--split", "test", code=1)
    assert "has no test split\nhint: pass --split valid or all" in zoo_command.err


def test_there_are_four_choices(zoo_command: Zoo, tmp_path: Path) -> None:
    zoo_command("evaluate", "net", "--data", tmp_path, "--split", "rest", code=2)
    assert "--split takes train, valid, test, all; got 'rest'" in zoo_command.err


def test_tables_that_hold_a_test_split_only(zoo_command: Zoo, tmp_path: Path) -> None:
    table = real("iris")
    order = np.random.default_rng(0).permutation(len(table))
    seen, held = table.take(order[:100]), table.take(order[100:])
    transferred(zoo_command, write(seen, tmp_path / "iris.csv"), "--target", "kind", name="rows-4", reuse="hidden1")
    whole = scored(zoo_command, write(held, tmp_path / "held.csv"), "--split", "all")
    assert (whole["n"], whole["notes"]) == (50, [OTHERS])
    marked = write(held.append_column("split", pa.array(["test"] * 50)), tmp_path / "marked.csv")
    folder = tmp_path / "held"
    folder.mkdir()
    for data in (marked, write(held, folder / "test.csv").parent):
        found = scored(zoo_command, data)
        assert (found["n"], found["accuracy"], found["split"]) == (50, whole["accuracy"], "test")
        zoo_command("transfer", "rows-4", "--data", data, "--target", "kind", "--reuse", "hidden1", *QUICK, code=1)
        assert f"error: {data} has no training split: it holds test\n" in zoo_command.err
        assert "hint: zoo evaluate and zoo predict take such data; to train, add a training split" in zoo_command.err
    assert zoo_command("predict", "mine", "--input", folder, "--json")["count"] == 50


def test_samples_of_one_group_are_scored_whole(zoo_command: Zoo, tmp_path: Path) -> None:
    table = real("iris")
    site = pa.array([f"site {row % 9}" for row in range(len(table))])
    data = write(table.append_column("site", site), tmp_path / "iris.csv")
    words = ("--target", "kind", "--group-column", "site")
    transferred(zoo_command, data, *words, name="rows-4", reuse="hidden1")
    seen = scored(zoo_command, data, "--split", "all")
    assert seen["n"] == 150 and seen["notes"][0].startswith("the model's run trained on ")
    other = write(table.append_column("site", pa.array(["site 10"] * len(table))), tmp_path / "other.csv")
    found = scored(zoo_command, other, "--split", "all")
    assert (found["n"], found["accuracy"], found["notes"]) == (150, seen["accuracy"], [OTHERS])


def test_arrays_of_all_splits(zoo_command: Zoo, tmp_path: Path) -> None:
    x, y = digits(20, 3)
    x, order = np.repeat(x[..., None], 3, axis=-1), np.random.default_rng(0).permutation(60)
    parts = {"train": order[:40], "valid": order[40:50], "test": order[50:]}
    arrays = {f"{role}_{part}": of[rows] for part, rows in parts.items() for role, of in (("x", x), ("y", y))}
    np.savez(tmp_path / "d.npz", **arrays)
    transferred(zoo_command, tmp_path / "d.npz")
    found = scored(zoo_command, tmp_path / "d.npz", "--split", "all")
    assert found["n"] == 60
    assert "trained on 40 of these samples and chose by 10; the 10 of its test split are new" in found["notes"][0]
