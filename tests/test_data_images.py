"""Images as they lie there go through the commands: a folder a class, splits above them, a table of paths, one file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_data import QUICK, digit_folder, digit_table, digits

import zoo

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")


def transferred(zoo_command: Zoo, data: Path, *words: object, name: str = "net", reuse: str = "block.*") -> Any:
    """Make the model `mine` of a net; return what was recorded."""
    options = ("--reuse", reuse, *QUICK, *words, "--publish-as", "mine", "--json")
    return zoo_command("transfer", name, "--data", data, *options)


def right(predictions: Iterable[Any]) -> float:
    """Say how many predictions are the class that the file's folder says."""
    return float(np.mean([one["class"] == Path(one["sample"]).parent.name for one in predictions]))


def test_a_folder_a_class(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits")
    shown = zoo_command("data", "inspect", data, "--model", "net", "--sheet", tmp_path / "sheet.png")
    assert "140 train, 30 valid, 30 test; target class" in shown and "16x16 (140)" in shown
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    done = transferred(zoo_command, data)
    assert (done["classes"], done["cache"]["extracted"], done["test"]["n"]) == ([*"0123456789"], 170, 30)
    assert done["test_accuracy"] > 0.6
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert (scored["n"], scored["accuracy"]) == (30, done["test_accuracy"])
    new = digit_folder(tmp_path / "new", 5, skip=40)
    found = zoo_command("predict", "mine", "--input", new, "--json")
    assert found["count"] == 50 and right(found["predictions"]) > 0.5
    assert all(len(one["top"]) == 5 and one["class"] == one["top"][0]["class"] for one in found["predictions"])


def test_folders_of_splits_are_taken_as_they_are(zoo_command: Zoo, tmp_path: Path) -> None:
    data = tmp_path / "digits"
    for split, (count, skip) in {"train": (12, 0), "val": (4, 12), "test": (4, 16)}.items():
        digit_folder(data / split, count, 3, skip)
    done = transferred(zoo_command, data, "--limit-per-class", "10")
    assert (done["classes"], done["cache"]["extracted"], done["test"]["n"]) == ([*"012"], 3 * (10 + 4), 12)
    assert zoo_command("evaluate", "mine", "--data", data, "--split", "valid", "--json")["n"] == 12
    zoo_command("transfer", "net", "--data", data, "--reuse", "block.*", "--split", "80/10/10", code=1)


def test_a_single_image_and_every_form_of_predictions(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 8, 3)
    transferred(zoo_command, data)
    one = data / "2" / "2-03.png"
    header, line = zoo_command("predict", "mine", "--input", one).splitlines()
    assert header.split() == ["SAMPLE", "CLASS", "PROBABILITY", "THEN"] and line.startswith(f"{one}  ")
    told = zoo_command("predict", "mine", "--input", one, "--format", "jsonl", "--top", "2").splitlines()
    parsed = [json.loads(line) for line in told]
    assert [(row["sample"], len(row["top"])) for row in parsed] == [(str(one), 2)]
    table = zoo_command("predict", "mine", "--input", data)
    assert len(table.splitlines()) == 1 + 20 + 1 and table.endswith("and 4 more (--output FILE.csv writes all)\n")
    zoo_command("predict", "mine", "--input", data, "--output", tmp_path / "all.csv")
    rows = list(csv.reader((tmp_path / "all.csv").open(encoding="utf-8")))
    top = [f"{word}{number}" for number in (1, 2, 3) for word in ("class", "probability")]
    assert rows[0] == ["sample", "class", "probability", *top]
    assert len(rows) == 25 and all(abs(sum(map(float, row[4::2])) - 1) < 1e-5 for row in rows[1:])
    zoo_command("predict", "mine", "--input", data, "--output", tmp_path / "all.jsonl")
    again = [json.loads(line) for line in (tmp_path / "all.jsonl").open(encoding="utf-8")]
    assert [(row["sample"], row["class"]) for row in again] == [(row[0], row[1]) for row in rows[1:]]
    assert zoo_command("predict", "mine", "--input", data, "--format", "csv").splitlines()[1:] == [
        ",".join(row) for row in rows[1:]
    ]


def test_images_of_a_table_with_groups(zoo_command: Zoo, tmp_path: Path) -> None:
    table = digit_table(tmp_path / "listed")
    words = ("--image-column", "path", "--target", "digit", "--group-column", "writer")
    done = transferred(zoo_command, table, *words)
    assert done["test_accuracy"] > 0.5 and done["classes"] == [*"0123456789"]
    scored = zoo_command("evaluate", "mine", "--data", table, "--json")
    assert (scored["n"], scored["accuracy"]) == (done["test"]["n"], done["test_accuracy"])
    found = zoo_command("predict", "mine", "--input", table, "--json")["predictions"]
    assert len(found) == 200 and "images.csv, line 2" in found[0]["sample"] and "files/000.png" in found[0]["sample"]
    x, y = digits(6)
    writers = np.array([f"w{number % 7}" for number in range(60)])
    np.savez(tmp_path / "digits.npz", images=np.repeat(x[..., None], 3, axis=-1), digit=y, writer=writers)
    assert zoo_command("evaluate", "mine", "--data", tmp_path / "digits.npz", "--json")["n"] in (8, 9)
    folder = digit_folder(tmp_path / "digits", 6)
    assert zoo_command("predict", "mine", "--input", folder / "3" / "3-00.png", "--json")["count"] == 1
    assert zoo_command("evaluate", "mine", "--data", folder, "--json")["n"] == 9
    assert len(zoo_command("predict", "mine", "--input", folder, "--json")["predictions"]) == 60


def test_a_group_is_never_on_both_sides(zoo_command: Zoo, tmp_path: Path) -> None:
    from transfer.data.reading import Reading
    from zoo.opening import FileRef, find_records, read_data

    table = digit_table(tmp_path / "listed")
    reading = Reading(target="digit", image_column="path", group_column="writer")
    found = find_records(FileRef(table, "t"), reading).parts["all"]
    writer = dict(zip(map(bytes, found.samples.digests), found.groups, strict=True))
    data = read_data(FileRef(table, "t"), reading)
    sides = [{writer[bytes(one)] for one in split.samples.digests} for split in data.splits.values()]
    assert set.union(*sides) == {f"w{number}" for number in range(7)} and sum(map(len, sides)) == 7


@pytest.mark.parametrize(
    ("words", "kind", "measure"),
    [
        (("--target", "even,large", "--target-type", "multilabel"), "multilabel", "label accuracy"),
        (("--target", "digit", "--target-type", "number"), "number", "R2"),
    ],
    ids=["several labels", "a number"],
)
def test_other_targets_of_images(
    words: tuple[str, ...], kind: str, measure: str, zoo_command: Zoo, tmp_path: Path
) -> None:
    table = digit_table(tmp_path / "listed")
    done = transferred(zoo_command, table, "--image-column", "path", *words, "--epochs", "150")
    assert (done["target"], done["measure"]) == (kind, measure)
    assert done["test_accuracy"] > (0.8 if kind == "multilabel" else 0)
    scored = zoo_command("evaluate", "mine", "--data", table, "--json")
    assert scored["accuracy"] == pytest.approx(done["test_accuracy"], abs=1e-6)
    found = zoo_command("predict", "mine", "--input", table, "--image-column", "path", "--json")["predictions"]
    if kind == "number":
        guessed, true = [one["values"]["digit"] for one in found], digits()[1]
        assert np.corrcoef(guessed, true)[0, 1] > 0.6
    else:
        assert {one["class"] for one in found} <= {"", "even", "large", "even,large", "large,even"}
    assert zoo.show("mine").card.target == kind


def test_some_classes_and_other_shares(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits")
    done = transferred(zoo_command, data, "--classes", "5-7,9", "--limit-per-class", "9", "--split", "60/20/20")
    assert (done["classes"], done["cache"]["extracted"], done["test"]["n"]) == ([*"5679"], 4 * (9 + 4), 16)
    assert zoo_command("evaluate", "mine", "--data", data, "--json")["accuracy"] == done["test_accuracy"]
    parted = tmp_path / "parted"
    for split, skip in {"train": 20, "test": 30}.items():
        digit_folder(parted / split, 4, 10, skip)
    assert zoo_command("evaluate", "mine", "--data", parted, "--json")["n"] == 16
    none = transferred(zoo_command, data, "--classes", "5,6", "--split", "80/20/0", "--update")
    assert (none["test_accuracy"], none["classes"]) == (None, ["5", "6"])


def test_broken_images_are_left_out_and_listed(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 8, 3)
    (data / "0" / "notes.txt").write_text("three of these are odd\n")
    whole = (data / "1" / "1-00.png").read_bytes()
    (data / "1" / "1-00.png").write_bytes(whole[: len(whole) // 2])
    (data / "2" / "2-00.png").write_bytes(b"")
    done = transferred(zoo_command, data, "--skip-broken")
    wheres = {Path(one["where"]).name: one["why"] for one in done["broken"]}
    assert set(wheres) == {"notes.txt", "1-00.png", "2-00.png"}
    report = next((tmp_path / "home" / "runs").glob("*/report.md")).read_text(encoding="utf-8")
    assert "3 samples cannot be read" in report and all(name in report for name in wheres) and "--skip-broken" in report
    shown = zoo_command("data", "inspect", data, "--skip-broken")
    assert "left out, for they cannot be read: 3" in shown and "is no image" in shown
    scored = zoo_command("evaluate", "mine", "--data", data, "--skip-broken", "--json")
    assert len(scored["broken"]) == 3
    assert zoo_command("predict", "mine", "--input", data, "--skip-broken", "--json")["count"] == 22
