"""Columns that a user leaves out of a table: through the commands, recorded, and read so again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import real, write
from real_data import QUICK, digit_folder, digit_table, digits

import zoo

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")
TARGET = ("--target", "kind")
IGNORED = ("--ignore-columns", "customer id,note")


def flowers(path: Path) -> Path:
    """Write iris with an id and a note."""
    table = real("iris")
    ids = pa.array([f"c{row:04}" for row in range(len(table))])
    notes = pa.array([f"seen on day {row}" for row in range(len(table))])
    return write(table.add_column(0, "customer id", ids).append_column("note", notes), path)


def transferred(zoo_command: Zoo, data: Path, *words: str) -> Any:
    quick = ("--reuse", "hidden1", *QUICK, "--publish-as", "mine", "--json")
    return zoo_command("transfer", "rows-4", "--data", data, *TARGET, *words, *quick)


def test_an_id_is_refused_and_left_out(zoo_command: Zoo, tmp_path: Path) -> None:
    data = flowers(tmp_path / "flowers.csv")
    zoo_command("transfer", "rows-4", "--data", data, *TARGET, "--reuse", "hidden1", *QUICK, code=1)
    assert (
        f"error: {data}: column 'customer id' holds 105 different texts in 105 training rows, 'note' holds 105 "
        "different texts in 105 training rows: a model cannot learn from that; expected numbers, dates, or texts that "
        "repeat (at most 1000)\nhint: leave out names, ids and free text: --ignore-columns 'customer id,note'; and "
        "write numbers as numbers"
    ) in zoo_command.err
    plain = transferred(zoo_command, write(real("iris"), tmp_path / "iris.csv"))
    done = transferred(zoo_command, data, *IGNORED, "--update")
    assert (done["fingerprint"], done["test_accuracy"]) == (plain["fingerprint"], plain["test_accuracy"])
    assert done["cache"]["extracted"] == 0, "what is left out is no part of a sample"
    assert [column.name for column in zoo.show("mine").card.columns] == real("iris").column_names[:4]


def test_a_run_is_evaluated_and_replayed_as_it_was_read(zoo_command: Zoo, tmp_path: Path) -> None:
    data = flowers(tmp_path / "flowers.csv")
    done = transferred(zoo_command, data, *IGNORED)
    for one in (data, write(real("iris"), tmp_path / "iris.csv"), write(real("iris"), tmp_path / "iris.parquet")):
        scored = zoo_command("evaluate", "mine", "--data", one, "--json")
        assert (scored["accuracy"], scored["notes"]) == (done["test_accuracy"], []), one
        assert zoo_command("predict", "mine", "--input", one, "--json")["count"] == 150
    assert zoo_command("evaluate", "mine", "--data", data, "--ignore-columns", "note", "--json")["notes"] != []
    assert zoo_command("replay", "last", "--json")["same"]
    (run, *_) = zoo_command("runs", "--json")["runs"]
    command = (Path(run["path"]) / "report.md").read_text().split("## To repeat it\n\n```\n")[1].splitlines()[0]
    assert "--ignore-columns 'customer id,note'" in command
    assert zoo_command(*shlex.split(command)[1:], "--json")["test_accuracy"] == done["test_accuracy"]


def test_every_command_of_data_takes_it(zoo_command: Zoo, tmp_path: Path) -> None:
    data = flowers(tmp_path / "flowers.csv")
    words = ("--data", data, *TARGET, *IGNORED)
    assert "105 train" in zoo_command("data", "inspect", data, *TARGET, *IGNORED, "--model", "rows-4")
    zoo_command("rank", *words, "rows-4", "--json")
    zoo_command("search-depth", "rows-4", *words, "--epochs", "2", "--json")
    zoo_command("compare", "rows-4", "--reuse", "hidden1", *words, "--epochs", "2", "--seeds", "2", "--json")
    transferred(zoo_command, data, *IGNORED)
    assert zoo_command("predict", "mine", "--input", data, *IGNORED, "--json")["count"] == 150
    zoo_command("predict", "mine", "--input", data, "--ignore-columns", "customer", code=1)
    assert "has no column 'customer' (--ignore-columns)" in zoo_command.err


def test_a_table_of_images_may_have_a_column_split_that_says_something_else(zoo_command: Zoo, tmp_path: Path) -> None:
    table = digit_table(tmp_path / "l", 8, 3)
    lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{lines[0]},split", *(f"{line},half" for line in lines[1:])]) + "\n")
    words = ("data", "inspect", table, "--image-column", "path", "--target", "digit")
    zoo_command(*words, code=1)
    assert "split is 'half'" in zoo_command.err
    assert "images, 17 train" in zoo_command(*words, "--ignore-columns", "split")
    zoo_command(*words, "--ignore-columns", "path", code=1)
    assert "--ignore-columns leaves out 'path', which another option names" in zoo_command.err


def test_what_has_no_columns(zoo_command: Zoo, tmp_path: Path) -> None:
    x, y = digits(8, 3)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    for data, kind in ((digit_folder(tmp_path / "d", 8, 3), "images"), (tmp_path / "d.npz", "arrays")):
        zoo_command("data", "inspect", data, "--ignore-columns", "id", code=1)
        assert f"error: {data} holds {kind}, and no columns that a model learns from\n" in zoo_command.err
        assert "hint: leave out --ignore-columns" in zoo_command.err
