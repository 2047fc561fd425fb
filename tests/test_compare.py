"""`zoo compare`, by command: a model against scratch and a linear model; two runs; and the linear model itself."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs

from registry.errors import ZooError
from transfer.controls.flat import flattening
from transfer.controls.lbfgs import minimise
from transfer.controls.linear import fit_linear
from transfer.data.target import Target, scaled
from transfer.evaluate import wilson
from transfer.feeding import Sliced
from transfer.predicted import read, write

QUICK = ("--epochs", "4", "--patience", "2")


def test_three_models_and_a_curve(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    words = ("compare", tiny, "--data", data_file, "--reuse", "hidden[12]", *QUICK, "--seeds", "2")
    found = zoo_command(*words, "--label-curve", "5,20", "--plot", tmp_path / "c.svg", "--json")
    drawn = (tmp_path / "c.svg").read_text()
    for text in ("labels a class", "(95 % intervals over 2 seeds)", "from scratch", ">5<", ">20<", "<style>",
                 "http://www.w3.org/2000/svg"):  # fmt: skip
        assert text in drawn, drawn
    assert len(re.findall(r'class="s[01] bar"', drawn)) == 3 * 2 * 2  # stroke and two ends, two models, two counts
    assert (found["seeds"], found["samples"], found["labels"], found["n"]) == ([0, 1], 45, None, 60)
    for name in ("reused", "scratch", "linear"):
        assert found[name]["mean"] == pytest.approx(np.mean(found[name]["each"]))
        assert found[name]["std"] == pytest.approx(np.std(found[name]["each"], ddof=1))
    for name in ("reused", "scratch"):
        half, mean = 12.706204736 * found[name]["std"] / math.sqrt(2), found[name]["mean"]
        assert found[name]["ci95"] == pytest.approx([max(0, mean - half), min(1, mean + half)])
    assert (found["linear"]["std"], found["linear"]["ci95"]) == (0, None)
    assert found["linear"]["mean"] > 0.9  # the blobs can be told apart by a line
    for name in ("scratch", "linear"):
        difference = found["differences"][name]
        assert difference["mean"] == pytest.approx(found["reused"]["mean"] - found[name]["mean"])
        assert (difference["n"], difference["over"]) == (2, "seeds")
    few, all_of_them = found["curve"]
    assert (few["labels"], few["n"]) == (5, 15)
    for name in ("n", "reused", "scratch", "linear", "differences", "runs"):
        assert all_of_them[name] == found[name]  # twenty a class are all that there are: nothing is trained again
    runs = zoo_command("runs", "--json")["runs"]
    assert [run["run"] for run in runs] == [*found["runs"], *few["runs"]]


def test_the_page_of_one_seed(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    words = ("compare", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "--seeds", "1")
    more = ("--label-curve", "5", "--unfreeze", "none")
    found = zoo_command(*words, *more, "--plot", tmp_path / "one.svg", "--json")
    for name in ("reused", "scratch", "linear"):
        hits = round(found[name]["mean"] * 45)
        assert found[name]["ci95"] == pytest.approx(wilson(hits, 45))
    drawn = (tmp_path / "one.svg").read_text()
    assert "95 % intervals over 45 test samples" in drawn
    assert len(re.findall(r'class="s[012] bar"', drawn)) == 9
    page = zoo_command(*words, *more)
    for text in ("EACH OF 1 SEED", "\nreused ", "\nfrom scratch ", "\nlinear ", "paired over 45 samples",
                 "the same architecture from scratch", "a linear model of the inputs", "LABELS A CLASS"):  # fmt: skip
        assert text in page, page


def test_two_runs(zoo_command: Any, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--unfreeze", "none", *QUICK, "--json")
    first = zoo_command(*words, "--lr", "0.03")
    second = zoo_command(*words, "--epochs", "1", "--lr", "1e-9")
    found = zoo_command("compare", first["run"], second["run"], "--json")
    assert found["difference"]["mean"] == pytest.approx(first["test_accuracy"] - second["test_accuracy"])
    assert found["difference"]["n"] == 45
    page = zoo_command("compare", first["run"], second["run"])
    assert page.startswith(f"{first['run']} is better than {second['run']}: +0.")
    assert "paired over 45 samples" in page
    assert "cannot be told apart: +0.0000 accuracy" in zoo_command("compare", first["run"], first["run"])
    other = zoo_command(*words, "--classes", "0,1")
    zoo_command("compare", first["run"], other["run"], code=1)
    assert "the runs were not tested on the same samples: " in zoo_command.err
    (folder,) = [run["path"] for run in zoo_command("runs", "--json")["runs"] if run["run"] == second["run"]]
    (Path(folder) / "predictions.npz").unlink()
    zoo_command("compare", first["run"], second["run"], code=1)
    assert "has no predictions of its test samples" in zoo_command.err
    assert f"zoo replay {second['run']}" in zoo_command.err


def test_two_runs_on_other_samples(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    """The same labels in the same order, of which every image is another."""
    arrays = dict(np.load(data_file))
    changed = tmp_path / "changed.npz"
    np.savez(changed, **{name: value + (name == "x_test") for name, value in arrays.items()})
    fewer = tmp_path / "fewer.npz"  # other training samples, and the same to test on
    np.savez(fewer, **{name: value[:50] if name.endswith("train") else value for name, value in arrays.items()})
    relabelled = tmp_path / "relabelled.npz"
    np.savez(relabelled, **{name: (value + 1) % 3 if name == "y_test" else value for name, value in arrays.items()})
    words = ("--reuse", "hidden1", "--unfreeze", "none", "--no-compare-scratch", *QUICK, "--json")
    paths = {"first": data_file, "changed": changed, "fewer": fewer, "relabelled": relabelled}
    runs = {name: zoo_command("transfer", tiny, "--data", path, *words)["run"] for name, path in paths.items()}
    assert zoo_command("compare", runs["first"], runs["fewer"], "--json")["difference"]["n"] == 45
    for other, what in (("changed", "on the same samples"), ("relabelled", "with the same labels")):
        zoo_command("compare", runs["first"], runs[other], code=1)
        message = zoo_command.err
        assert f"the runs were not tested {what}: {runs['first']}: 45 test samples of {data_file} (samples " in message
        assert f"; {runs[other]}: 45 test samples of {paths[other]} (samples " in message
        assert "class 0, 1, 2" in message
        assert "compare runs on the same --data, --target, --classes and --split" in message


def test_runs_of_earlier_versions_are_the_same_where_all_their_data_are(
    zoo_command: Any, tiny: str, data_file: Path, zoo_home: Path
) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--unfreeze", "none",
             "--no-compare-scratch", *QUICK, "--json")  # fmt: skip
    first, same, other = (zoo_command(*words, *more)["run"] for more in ((), (), ("--limit-per-class", "5")))
    for name in (first, same):
        folder = zoo_home / "runs" / name
        said = read(folder)
        assert said is not None
        write(folder, replace(said, samples=""))
    assert zoo_command("compare", first, same, "--json")["difference"]["mean"] == 0
    zoo_command("compare", first, other, code=1)
    assert f"it is not known whether both runs were tested on the same samples: {first}: 45 test " in zoo_command.err
    assert f"{first} is of an earlier version: zoo replay {first} does it again" in zoo_command.err


ERRORS = [
    (("--label-curve", "0"), "--label-curve '0' is no list of numbers above 0"),
    (("--label-curve", "3,x"), "--label-curve '3,x' is no list of numbers above 0"),
    (("--label-curve", "9,3"), "--label-curve 9,3 must rise from one number to the next"),
    (("--label-curve", "5,21"), "--label-curve 21 is more than"),
    (("--plot", "a.svg"), "--plot draws the curve over labels: say which"),
    (("--plot", "a.png", "--label-curve", "5"), "--plot writes SVG; got a.png"),
    (("--plot", "no/a.svg", "--label-curve", "5"), "--plot: there is no folder no"),
    (("--label-curve", "5", "--limit-per-class", "3"), "both say how many labels: give one of them"),
]


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=[words[1] for words, _ in ERRORS])
def test_what_is_refused(zoo_command: Any, tiny: str, data_file: Path, words: tuple[str, ...], message: str) -> None:
    zoo_command("compare", tiny, "--data", data_file, "--reuse", "hidden1", *words, code=1)
    assert message in zoo_command.err
    assert zoo_command("runs", "-q") == ""


def test_more_that_is_refused(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    zoo_command("compare", tiny, "--data", data_file, code=1)
    assert "wants to know what is reused: --reuse REGEX" in zoo_command.err
    zoo_command("compare", "a", "b", "--reuse", "x", code=1)
    assert "--reuse is of a model; a and b are runs" in zoo_command.err
    arrays = dict(np.load(data_file))
    untested = tmp_path / "untested.npz"
    np.savez(untested, **{name: value for name, value in arrays.items() if not name.endswith("test")})
    zoo_command("compare", tiny, "--data", untested, "--reuse", "hidden1", code=1)
    assert "has no test data, and what chose the model cannot say how good it is" in zoo_command.err
    assert "--split 70/15/15" in zoo_command.err
    numbers = tmp_path / "numbers.npz"
    np.savez(numbers, **{name: value + 0.5 if name.startswith("y") else value for name, value in arrays.items()})
    zoo_command("compare", tiny, "--data", numbers, "--reuse", "hidden1", "--label-curve", "5", code=1)
    assert "--label-curve wants one class a sample; the labels of" in zoo_command.err


def test_linear_is_as_good_as_scikit_learns() -> None:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x, y = load_digits(return_X_y=True)
    x, order = x.astype(np.float32), np.random.default_rng(0).permutation(len(x))
    train, valid, test = order[:600], order[600:900], order[900:]
    ours = fit_linear(x[train], y[train], x[valid], y[valid], Target("class", tuple("0123456789")))
    scale = StandardScaler().fit(x[train])
    theirs = LogisticRegression(C=1 / (ours.penalty * 600), max_iter=1000).fit(scale.transform(x[train]), y[train])
    accuracy = float((ours.outputs(x[test]).argmax(axis=1) == y[test]).mean())
    assert accuracy == pytest.approx(theirs.score(scale.transform(x[test]), y[test]), abs=0.005)
    best = max(LogisticRegression(C=c, max_iter=1000).fit(scale.transform(x[train]), y[train])
               .score(scale.transform(x[test]), y[test]) for c in (0.01, 0.1, 1))  # fmt: skip
    assert accuracy > best - 0.02


def test_linear_fits_numbers_in_their_own_unit_and_several_labels() -> None:
    x, _ = blobs(300)
    y = (x[:, :2] @ np.array([[3.0, 0], [1.0, -50]]) + 1000).astype(np.float32)
    target = scaled(Target("number", ("a", "b")), y[:200])
    model = fit_linear(x[:200], y[:200], x[200:], y[200:], target)
    np.testing.assert_allclose(model.outputs(x[200:]), y[200:], atol=0.5)
    signs = (x[:, :2] > 0).astype(np.float32)
    several = fit_linear(x[:200], signs[:200], x[200:], signs[200:], Target("multilabel", ("a", "b")))
    assert ((several.outputs(x[200:]) > 0) == (signs[200:] > 0)).mean() > 0.95


def test_a_column_that_never_changes_does_no_harm() -> None:
    x, y = blobs(90)
    x[:, 3] = 7
    model = fit_linear(x[:60], y[:60], x[60:], y[60:], Target("class", ("a", "b", "c")))
    assert np.isfinite(model.outputs(x)).all()
    assert model.deviation[3] == 1


def test_minimise_finds_the_least_of_a_narrow_valley() -> None:
    scales = np.array([1.0, 30.0, 1000.0])
    found = minimise(lambda at: (float((scales * (at - 2) ** 2).sum()), 2 * scales * (at - 2)), np.zeros(3))
    np.testing.assert_allclose(found, 2, atol=1e-3)


def test_large_images_are_averaged_down() -> None:
    images = np.random.default_rng(0).random((3, 160, 170, 3)).astype(np.float32)
    flat = flattening(Sliced((images,)), 3)  # type: ignore[arg-type]
    assert (flat.pool, flat.width) == (3, 53 * 56 * 3)  # averaged by two they would have 20,400 numbers
    rows = flat.rows(Sliced((images,))).reshape(3, 53, 56, 3)  # type: ignore[arg-type]
    np.testing.assert_allclose(rows[1, 2, 5, 0], images[1, 6:9, 15:18, 0].mean(), rtol=1e-5)
    small = flattening(Sliced((images[:, :8, :8],)), 3)  # type: ignore[arg-type]
    assert (small.pool, small.width) == (1, 192)
    with pytest.raises(ZooError, match="samples of 30,000 numbers are too wide for a linear model: at most 20,000"):
        flattening(Sliced((np.zeros((2, 30_000), np.float32),)), 2)  # type: ignore[arg-type]
