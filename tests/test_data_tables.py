"""Tables as they lie there go through the commands: scikit-learn's iris and wine in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import people, real, write
from real_data import QUICK, dense_net, published

import zoo

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")


def transferred(zoo_command: Zoo, data: Path, *words: object, name: str = "rows-4") -> Any:
    """Make the model `mine` of a net; return what was recorded."""
    options = ("--reuse", "hidden1", *QUICK, *words, "--publish-as", "mine", "--json")
    return zoo_command("transfer", name, "--data", data, *options)


@pytest.mark.parametrize("name", ["iris.csv", "iris.tsv", "iris.csv.gz", "wine.parquet", "wine.arrow", "wine.feather"])
def test_real_tables_of_every_format(name: str, zoo_command: Zoo, tmp_path: Path) -> None:
    table = real(name.split(".")[0])
    data = write(table, tmp_path / name)
    net = "rows-4" if name.startswith("iris") else "rows-13"
    shown = zoo_command("data", "inspect", data, "--target", "kind", "--model", net)
    assert f"{data}: table, " in shown and "target class" in shown and f"{net} takes row" in shown
    done = transferred(zoo_command, data, "--target", "kind", name=net)
    assert done["test_accuracy"] > 0.8 and len(done["classes"]) == 3
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert (scored["n"], scored["accuracy"]) == (done["test"]["n"], done["test_accuracy"])
    found = zoo_command("predict", "mine", "--input", data, "--json")["predictions"]
    labels = table.column("kind").to_pylist()
    assert len(found) == len(labels)
    assert np.mean([one["class"] == label for one, label in zip(found, labels, strict=True)]) > 0.85


def test_rows_to_predict_need_no_label_and_no_order_of_columns(zoo_command: Zoo, tmp_path: Path) -> None:
    table = real("iris")
    transferred(zoo_command, write(table, tmp_path / "iris.csv"), "--target", "kind")
    whole = zoo_command("predict", "mine", "--input", tmp_path / "iris.csv", "--json")["predictions"]
    turned = table.select(list(reversed(table.column_names[:4])))
    found = zoo_command("predict", "mine", "--input", write(turned, tmp_path / "new.parquet"), "--json")["predictions"]
    assert [one["class"] for one in found] == [one["class"] for one in whole]
    assert [one["sample"].split(", ")[-1] for one in (found[0], whole[0])] == ["row 1", "line 2"]
    kept = [column.name for column in zoo.show("mine").card.columns]
    assert kept == table.column_names[:4]


def test_a_table_of_numbers_categories_dates_and_missing_values(zoo_command: Zoo, tmp_path: Path) -> None:
    data = write(people(120), tmp_path / "people.csv")
    published(dense_net(16), "rows-16", tmp_path / "net")
    refused = zoo_command("transfer", "rows-16", "--data", data, "--reuse", "hidden1", "--target", "bought", code=1)
    assert refused == "" and "the table's columns are encoded as 17 numbers a row" in zoo_command.err
    width = sum(column.width for column in columns_of(data))
    published(dense_net(width), "people", tmp_path / "people")
    done = transferred(zoo_command, data, "--target", "bought", name="people")
    assert done["classes"] == ["0", "1"]
    assert zoo_command("evaluate", "mine", "--data", data, "--json")["accuracy"] == done["test_accuracy"]
    assert zoo_command("predict", "mine", "--input", data, "--json")["count"] == 120


def columns_of(data: Path) -> tuple[Any, ...]:
    from transfer.data.reading import Reading
    from transfer.data.tables.columns import fit_columns
    from zoo.opening import FileRef, read_data

    rows = read_data(FileRef(data, "t"), Reading(target="bought")).train.samples
    return fit_columns(rows.table, rows.names, rows.index, "t").columns


@pytest.mark.parametrize(
    ("target", "kind"), [("alcohol", "number"), ("alcohol,ash", "number"), ("low,high", "multilabel")]
)
def test_other_targets_of_tables(target: str, kind: str, zoo_command: Zoo, tmp_path: Path) -> None:
    table = real("wine").drop_columns(["kind"])
    alcohol = table.column("alcohol").to_numpy()
    if kind == "multilabel":
        table = table.append_column("low", pa.array((alcohol < 12.5).astype(int)))
        table = table.append_column("high", pa.array((alcohol > 13).astype(int)))
    names = target.split(",")
    width = table.num_columns - len(names)
    data = write(table, tmp_path / "wine.parquet")
    published(dense_net(width), "own", tmp_path / "own")
    done = transferred(zoo_command, data, "--target", target, "--target-type", kind, "--epochs", "150", name="own")
    assert (done["target"], done["classes"]) == (kind, names)
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert scored["accuracy"] == pytest.approx(done["test_accuracy"], abs=1e-6)
    lines = zoo_command("predict", "mine", "--input", data, "--format", "jsonl").splitlines()
    found = [json.loads(line) for line in lines]
    if kind == "number":
        assert np.corrcoef([one["values"]["alcohol"] for one in found], alcohol)[0, 1] > 0.6
    else:
        high = ["high" in one["class"] for one in found]
        assert np.mean(high == (alcohol > 13)) > 0.85


def test_files_of_splits_and_a_split_column(zoo_command: Zoo, tmp_path: Path) -> None:
    table = real("iris")
    order = np.random.default_rng(0).permutation(len(table))
    parts = {"train": order[:90], "valid": order[90:120], "test": order[120:]}
    folder = tmp_path / "iris"
    folder.mkdir()
    for split, rows in parts.items():
        write(table.take(rows), folder / f"{split}.csv")
    done = transferred(zoo_command, folder, "--target", "kind")
    assert done["test"]["n"] == 30
    where = [split for split, rows in parts.items() for _ in rows]
    mixed = table.take(np.concatenate(list(parts.values()))).append_column("split", pa.array(where))
    single = write(mixed, tmp_path / "iris.parquet")
    again = transferred(zoo_command, single, "--target", "kind", "--update")
    assert (again["fingerprint"], again["test_accuracy"]) == (done["fingerprint"], done["test_accuracy"])
