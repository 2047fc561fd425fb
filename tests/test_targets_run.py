"""Several labels and numbers a sample, through `zoo transfer`, `evaluate`, `predict` and what is published."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import blobs
from sklearn import metrics

import zoo
from registry.card import Card
from registry.shelf import Shelf

Zoo = Callable[..., Any]
QUICK = ("--epochs", "60", "--batch-size", "32", "--lr", "0.02", "--dropout", "0", "--unfreeze", "none")
X, _ = blobs(240)
DIRECTIONS = np.random.default_rng(5).normal(size=(8, 3))
MANY = (X @ DIRECTIONS > 0.3).astype(np.int64)
PRICES = (X @ DIRECTIONS[:, 0] * 30 + 1000).astype(np.float64)
PAIRS = np.stack([PRICES, X @ DIRECTIONS[:, 1] * 0.01 - 5], axis=1)


def saved(folder: Path, y: Any) -> Path:
    """Write a data set that is not split, and its samples alone beside it."""
    np.savez(folder / "d.npz", x=X, y=y)
    with h5py.File(folder / "new.h5", "w") as file:
        file["x"] = X
    return folder / "d.npz"


def test_rows(data: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The samples and labels of the test split, as every command sees it."""
    from zoo.opening import named_data, read_data
    from zoo.plans import data_options, read_before

    card = zoo.show(name).card
    assert isinstance(card, Card)
    where = named_data(Shelf(), str(data))
    reading, _ = data_options(read_before(card, where))
    found = read_data(where, reading, classes=card.classes).test
    return found.samples.take(np.arange(len(found))), found.y  # type: ignore[attr-defined]


test_rows.__test__ = False  # type: ignore[attr-defined]


def test_several_labels(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    data = saved(tmp_path, MANY)
    words = ("transfer", tiny, "--data", data, "--reuse", "hidden1", *QUICK)
    document = zoo_command(*words, "--publish-as", "many", "--json")
    assert (document["target"], document["measure"], document["classes"]) == (
        "multilabel", "label accuracy", ["0", "1", "2"],
    )  # fmt: skip
    assert document["test_accuracy"] > 0.8
    card = zoo_command("show", "many", "--json")["card"]
    assert (card["target"], card["classes"]) == ("multilabel", ["0", "1", "2"])
    assert set(card["metrics"]) >= {"valid_accuracy", "test_accuracy", "test_accuracy_ci95", "scratch_test_accuracy"}
    scored = zoo_command("evaluate", "many", "--data", data, "--json")
    assert (scored["measure"], scored["accuracy"], scored["n"]) == (
        "label accuracy", document["test_accuracy"], document["test"]["n"],
    )  # fmt: skip
    x, y = test_rows(data, "many")
    logits = np.asarray(zoo.predict("many", x))
    assert scored["accuracy"] == pytest.approx(1 - metrics.hamming_loss(y, logits > 0))
    assert list(scored["per_class"].values()) == pytest.approx(
        [metrics.accuracy_score(y[:, place], logits[:, place] > 0) for place in range(3)]
    )
    page = zoo_command("evaluate", "many", "--data", data)
    assert page.splitlines()[2].split() == ["LABEL", "LABEL", "ACCURACY"]
    assert "95 % interval" in page
    lines = [json.loads(line) for line in zoo_command(
        "predict", "many", "--input", tmp_path / "new.h5", "--format", "jsonl").splitlines()]  # fmt: skip
    shares = 1 / (1 + np.exp(-np.asarray(zoo.predict("many", X), np.float64)))
    for line, row in zip(lines, shares, strict=True):
        named = [str(place) for place in np.argsort(-row, kind="stable") if row[place] > 0.5]
        assert line["class"] == ",".join(named)
        assert {one["class"]: one["probability"] for one in line["top"]} == pytest.approx(
            dict(zip("012", row.tolist(), strict=True)), abs=1e-5
        )


def test_some_of_several_labels(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    data = saved(tmp_path, MANY)
    words = ("--data", data, "--reuse", "hidden1", *QUICK, "--no-compare-scratch", "--classes", "0,2")
    document = zoo_command("transfer", tiny, *words, "--publish-as", "two", "--json")
    assert document["classes"] == ["0", "2"]
    assert zoo_command("evaluate", "two", "--data", data, "--json")["accuracy"] == document["test_accuracy"]


@pytest.mark.parametrize(("y", "names"), [(PRICES, ["value"]), (PAIRS, ["0", "1"])], ids=["one", "two"])
def test_numbers(zoo_command: Zoo, tiny: str, tmp_path: Path, y: np.ndarray, names: list[str]) -> None:
    data = saved(tmp_path, y)
    how = () if len(names) == 1 else ("--target-type", "number")
    document = zoo_command(
        "transfer", tiny, "--data", data, "--reuse", "hidden1", *QUICK, *how, "--publish-as", "n", "--json"
    )
    assert (document["target"], document["measure"], document["classes"]) == ("number", "R2", names)
    assert document["test_accuracy"] > 0.5
    assert set(document["test"]["errors"]) == {"mae", "rmse"}
    card = zoo_command("show", "n", "--json")["card"]
    assert (card["target"], card["classes"]) == ("number", names)
    assert set(card["metrics"]) >= {"valid_r2", "test_r2", "test_r2_ci95", "scratch_test_r2"}
    scored = zoo_command("evaluate", "n", "--data", data, "--json")
    x, wanted = test_rows(data, "n")
    outputs = np.asarray(zoo.predict("n", x), np.float64)
    assert scored["measure"] == "R2"
    assert scored["accuracy"] == pytest.approx(document["test_accuracy"], rel=1e-6)
    assert scored["accuracy"] == pytest.approx(metrics.r2_score(wanted.astype(np.float64), outputs), rel=1e-5)
    assert scored["errors"]["mae"] == pytest.approx(metrics.mean_absolute_error(wanted, outputs), rel=1e-5)
    page = zoo_command("evaluate", "n", "--data", data)
    assert page.splitlines()[2].split() == ["NUMBER", "R2"]
    assert "95 % interval of R2" in page
    assert "mean absolute error" in page
    rows = list(csv.reader(io.StringIO(zoo_command("predict", "n", "--input", tmp_path / "new.h5", "--format", "csv"))))
    assert rows[0] == ["sample", *names]
    expected = np.asarray(zoo.predict("n", X), np.float64)
    np.testing.assert_allclose(np.array([row[1:] for row in rows[1:]], float), expected, rtol=1e-5)
    page = zoo_command("predict", "n", "--input", tmp_path / "new.h5")
    assert page.splitlines()[0].split() == ["SAMPLE", *(name.upper() for name in names)]
    assert abs(expected[:, 0].mean() - 1000) < 50, "in the labels' own unit"


def test_the_report_says_what_was_measured(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    data = saved(tmp_path, PRICES)
    page = zoo_command("transfer", tiny, "--data", data, "--reuse", "hidden1", *QUICK)
    assert "VALID R2" in page
    assert "mean absolute error" in page
    assert "wrote" not in page
    (run,) = zoo_command("runs", "--json")["runs"]
    assert run["measure"] == "R2"
    assert zoo_command("runs").splitlines()[1].split()[-3] == "R2"
    report = (Path(run["path"]) / "report.md").read_text(encoding="utf-8")
    assert "NUMBER  " in report.upper()
    assert "mean absolute error" in report


@pytest.mark.parametrize("y", [MANY, PRICES], ids=["multilabel", "number"])
def test_what_is_published_opens_in_plain_keras(
    zoo_command: Zoo, tiny: str, tmp_path: Path, zoo_home: Path, y: Any
) -> None:
    data = saved(tmp_path, y)
    words = ("transfer", tiny, "--data", data, "--reuse", "hidden1", *QUICK, "--no-compare-scratch")
    zoo_command(*words, "--publish-as", "net", "-q")
    assert zoo_command("verify", "net") == "1 of 1 revisions verified\n"
    folder = zoo_home / "checkouts" / zoo_command("show", "net", "--json")["revision"]
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.asarray(zoo.predict("net", X)))
    program = (
        "import sys, keras, numpy as np; m = keras.saving.load_model('model.keras');"
        "x, y = (np.load(f'{sys.argv[1]}/{n}.npy') for n in 'xy');"
        "assert np.allclose(m.predict(x, verbose=0), y, rtol=1e-5, atol=1e-5);"
        "assert not {'zoo', 'registry', 'transfer'} & set(sys.modules); print('same')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(tmp_path)], cwd=folder, capture_output=True, text=True
    )
    assert done.stdout.strip() == "same", done.stderr[-2000:]


def test_a_model_of_numbers_is_reused_for_others_and_for_classes(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    words = ("--reuse", "hidden1", *QUICK, "--no-compare-scratch", "--json")
    data = saved(tmp_path, PRICES)
    zoo_command("transfer", tiny, "--data", data, *words, "--publish-as", "prices")
    assert zoo_command("show", "prices", "--json")["layers"][-1]["name"] == "unit"
    again = zoo_command("transfer", "prices", "--data", data, *words, "--publish-as", "others")
    assert again["test_accuracy"] > 0.5
    assert [layer["name"] for layer in zoo_command("show", "others", "--json")["layers"]].count("unit") == 1
    classes = zoo_command(
        "transfer", "prices", "--data", saved(tmp_path, MANY[:, 0]), *words, "--publish-as", "classes"
    )
    assert (classes["target"], classes["classes"]) == ("class", ["0", "1"])
    assert "unit" not in [layer["name"] for layer in zoo_command("show", "classes", "--json")["layers"]]


def test_cached_equals_uncached_for_every_target(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    for y in (MANY, PAIRS):
        data, words = saved(tmp_path, y), ("--reuse", "hidden1", *QUICK, "--no-compare-scratch", "--json")
        how = ("--target-type", "number") if y is PAIRS else ()
        one, other = (
            zoo_command("transfer", tiny, "--data", data, *words, *how, *cache) for cache in ((), ("--no-cache",))
        )
        losses = [[(phase["train_loss"], phase["valid_loss"]) for phase in each["phases"]] for each in (one, other)]
        np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize(
    ("y", "how", "message"),
    [
        (PRICES, ("--target-type", "class"), "are no classes: row 0 holds"),
        (PRICES, ("--target-type", "several"), "--target-type takes class, multilabel, number; got 'several'"),
        (PRICES, ("--classes", "1-3"), "--classes wants classes; the labels of"),
        (MANY, ("--limit-per-class", "5"), "--limit-per-class wants one class a sample; the labels of"),
        (np.full(240, 7.5), (), "the number 'value' is 7.5 in all of the training split: there is nothing to learn"),
    ],
)
def test_what_does_not_fit(
    zoo_command: Zoo, tiny: str, tmp_path: Path, y: Any, how: tuple[str, ...], message: str
) -> None:
    zoo_command("transfer", tiny, "--data", saved(tmp_path, y), "--reuse", "hidden1", *QUICK, *how, code=1)
    assert message in zoo_command.err  # type: ignore[attr-defined]


def test_a_model_of_labels_is_not_scored_on_others(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    words = ("--reuse", "hidden1", *QUICK, "--no-compare-scratch", "-q")
    zoo_command("transfer", tiny, "--data", saved(tmp_path, MANY), *words, "--publish-as", "many")
    zoo_command("evaluate", "many", "--data", saved(tmp_path, MANY[:, :2]), code=1)
    assert "has the labels 0, 1; the model knows 0, 1, 2" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("evaluate", "many", "--data", saved(tmp_path, PRICES), code=1)
    assert "labels" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("evaluate", "many", "--data", saved(tmp_path, MANY), "--split", "holdout", code=2)
    assert "--split takes train, valid, test, all; got 'holdout'" in zoo_command.err  # type: ignore[attr-defined]
