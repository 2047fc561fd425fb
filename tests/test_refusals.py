"""What cannot be is refused before any work, and what goes wrong in training is said: the text, and the exit code.

2 is wrong usage, which no model and no data would suit; 1 is what does not fit this model or these data.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain

import zoo
from registry.card import LayerInfo
from registry.errors import ChoiceError, ZooError
from registry.shelf import Shelf
from registry.spot import Spot
from transfer import json_lines
from transfer.alone import alone
from transfer.data.target import Target
from transfer.draft import draft
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.fitted import DivergenceError
from transfer.plan.answers import check_answers, other_answers
from transfer.plan.hyperparameters import Training
from transfer.plan.plan import Plan
from transfer.plan.selection import choose, unfrozen
from transfer.plan.top import Top
from transfer.plan.unfreezing import check_unfreezing
from transfer.runs import EpochRow, RunFolder, Runs
from transfer.split import freeze
from zoo.plans import make_plan

Zoo = Callable[..., Any]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ("--lr -1", "--lr must be above 0, got -1.0", ""),
        ("--lr nan", "--lr must be above 0, got nan", ""),
        ("--lr inf", "--lr must be a finite number, got inf", ""),
        ("--dropout 1.5", "--dropout must be at least 0 and below 1, got 1.5", ""),
        ("--batch-size 0", "--batch-size must be above 0, got 0", ""),
        ("--epochs 0", "--epochs must be above 0, got 0", ""),
        ("--epochs 100000000000", "--epochs must be at most 100,000, got 100,000,000,000", ""),
        ("--patience 0", "--patience must be above 0, got 0", ""),
        ("--seeds 0", "Invalid value for '--seeds': 0 is not in the range", "zoo transfer --help"),
        ("--seed -1", "Invalid value for '--seed': -1 is not in the range", "zoo transfer --help"),
        ("--lr-mult 0", "--lr-mult must be at least 1, got 0.0", ""),
        ("--layer-decay 2", "--layer-decay must be above 0 and at most 1, got 2.0", ""),
        ("--lr-mult 3 --layer-decay 0.5", "rates by layer are given in one way", "leave one of them out"),
        ("--clip-norm -1", "--clip-norm must be above 0, got -1.0", ""),
        ("--clip-norm 1 --clip-value 2", "gradients are clipped in one way; got --clip-value and --clip-norm", "leave"),
        ("--clip-quantile 2", "--clip-quantile must be at most 1, got 2.0", ""),
        ("--schedule cosin", "--schedule takes constant, step, exponential, 1cycle, cosine; got 'cosin'", "cosine?"),
        ("--schedule 1cycle --warmup 0.1", "--warmup does not go with --schedule 1cycle: it has one", ""),
        ("--lr-end 0.1", "--lr-end goes with a --schedule that ends lower, not with constant", "--schedule cosine"),
        ("--optimizer adm", "--optimizer takes sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw", "adam"),
        ("--momentum 0.5", "--momentum goes with --optimizer momentum or nesterov, not with adam",
         "--optimizer momentum --momentum 0.5"),
        ("--optimizer momentum --momentum 2", "--momentum must be above 0 and below 1, got 2.0", ""),
        ("--weight-decay 0.1", "--weight-decay goes with --optimizer adamw, not with adam", "--optimizer adamw"),
        ("--class-weights rare", "--class-weights takes balanced; got 'rare'", ""),
        ("--label-smoothing 1", "--label-smoothing must be at least 0 and below 1, got 1.0", ""),
        ("--l1 -1", "--l1 must be 0 or above, got -1.0", ""),
        ("--activation rellu", "--activation takes relu, leaky_relu(alpha), ", "did you mean relu"),
        ("--top 0", "--top takes widths from 1 to 100,000; got 0", ""),
        ("--top 5,200000", "--top takes widths from 1 to 100,000; got 200000", ""),
        ("--top 100000,100000", "--top 100000,100000 has 10,000,000,000 weights between its layers", ""),
        ("--backend onxx", "--backend takes auto, tensorflow, onnx, litert; got 'onxx'", "did you mean onnx?"),
        ("--backend onnx --no-cache", "--backend says what extracts features, and --no-cache has none",
         "leave one of them out"),
        ("--cache-dtype float8", "--cache-dtype takes float32, float16, bfloat16; got 'float8'", ""),
        ("--cache-dtype float16 --no-cache", "--cache-dtype says how features are stored, and --no-cache stores none",
         "leave one of them out"),
        ("--recipe lpft", "--recipe takes textbook, lp-ft, ulmfit, full; got 'lpft'", "did you mean lp-ft"),
        ("--recipe full --unfreeze auto", "--recipe full freezes nothing, so --unfreeze auto has nothing to unfreeze",
         "leave one of them out"),
        ("--freeze none --unfreeze hidden1", "--freeze none freezes nothing, so --unfreeze hidden1 has nothing",
         "--freeze REGEX"),
        ("--unfreeze auto --unfreeze hidden1", "--unfreeze takes auto, gradual or none alone", "--unfreeze hidden3"),
        ("--augment flipp", "--augment 'flipp' has an unknown part: 'flipp'", "did you mean flip?"),
        ("--augment mixup", "--augment mixup mixes samples anew in each step, so it cannot be recorded", "--no-cache"),
        ("--views 3", "--views wants to know what changes: add --augment flip,crop", ""),
        ("--views 3 --augment flip --no-cache", "--views 3 is about cached features, and --no-cache caches none",
         "leave --views out"),
    ],
)  # fmt: skip
def test_wrong_usage(
    zoo_command: Zoo, tiny: str, zoo_home: Path, data_file: Path, options: str, message: str, hint: str
) -> None:
    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", *options.split(), code=2)
    assert f"error: {message}" in zoo_command.err  # type: ignore[attr-defined]
    assert hint in zoo_command.err  # type: ignore[attr-defined]
    assert not (zoo_home / "runs").exists() and not (zoo_home / "cache").exists()


def test_wrong_usage_as_a_document(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--lr", -1, "--json")
    document = zoo_command(*words, code=2)
    assert document == {"error": {"type": "Usage", "message": "--lr must be above 0, got -1.0", "hint": ""}}
    with pytest.raises(ChoiceError):
        zoo.transfer(tiny, str(data_file), reuse="hidden1", lr=-1.0)


def test_of_two_ways_to_say_one_thing_the_users_stands_beside_a_recipe() -> None:
    training = make_plan("m", "d", "r", None, None, 0, {"recipe": "ulmfit", "lr_mult": 3.0}).training
    assert (training.lr_mult, training.layer_decay) == (3.0, None)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ("--freeze hidden3", "--freeze 'hidden3' names hidden3, of what is not reused: it is made anew, and trains",
         "freeze some of hidden1, hidden2"),
        ("--freeze hiden", "--freeze: the regex 'hiden' selects no layer", "did you mean hidden"),
        ("--unfreeze hidden3", "--unfreeze 'hidden3' frees nothing in phase 2: hidden3 is not frozen, and trained from",
         "frozen by then: hidden1, hidden2"),
        ("--freeze hidden1 --unfreeze hidden2", "frees nothing in phase 2: hidden2 is not frozen", "then: hidden1"),
        ("--unfreeze hidden2 --unfreeze hidden2", "frees nothing in phase 3: an earlier phase has freed hidden2",
         "frozen by then: hidden1"),
        ("--unfreeze .* --unfreeze hidden2", "frees nothing in phase 3: an earlier phase has freed hidden2",
         "nothing is frozen by then: leave it out"),
        ("--unfreeze hiden1", "--unfreeze: the regex 'hiden1' selects no layer", "did you mean hidden1"),
        ("--unfreeze X", "--unfreeze 'X' frees nothing in phase 2: X has no weights", ""),
        ("--top 9 --unfreeze hidden3", "the model that trains has no hidden3: the new top stands there", ""),
        ("--drop outputs --unfreeze outputs", "the model that trains has no outputs: the new top stands there", ""),
        ("--drop hidden2", "--drop 'hidden2' drops the reused layer hidden2: it is in --reuse", "leave it out"),
        ("--batch-size 61", "--batch-size 61 is more than DATA has: 60 training samples",
         "--batch-size 60 takes all of them in each step"),
        ("--augment flip", "--augment changes images; the model takes samples of shape (8)", "leave --augment out"),
        ("--target-type number --label-smoothing 0.1",
         "--label-smoothing is for classes and labels; the target is numbers", "leave --label-smoothing out"),
        ("--target-type number --class-weights balanced", "--class-weights is for classes and labels", "leave"),
        ("--reuse .* --freeze hidden1", "the reused layer outputs has 4 outputs; the data have 3 classes",
         "leave outputs out of --reuse: it is then made anew"),
        ("--reuse .* --freeze hidden1 --target-type number",
         "the reused layer outputs has 4 outputs; the data have 1 number to tell", "leave outputs out of --reuse"),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    zoo_command: Zoo, tiny: str, zoo_home: Path, data_file: Path, options: str, message: str, hint: str
) -> None:
    reuse = () if "--reuse" in options else ("--reuse", "hidden[12]")
    zoo_command("transfer", tiny, "--data", data_file, *reuse, *options.split(), code=1)
    assert message.replace("DATA", str(data_file)) in zoo_command.err  # type: ignore[attr-defined]
    assert hint in zoo_command.err  # type: ignore[attr-defined]
    assert not (zoo_home / "runs").exists() and not (zoo_home / "cache").exists()


def test_a_batch_must_fit_the_fewest_labels_of_a_curve(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("--data", data_file, "--reuse", "hidden1", "--label-curve", "5,20", "--batch-size", 60)
    zoo_command("compare", tiny, *words, code=1)
    said = f"--batch-size 60 is more than {data_file} with --label-curve 5 has: 15 training samples"
    assert said in zoo_command.err  # type: ignore[attr-defined]


def test_a_cut_inside_a_branch_lists_the_valid_ones(zoo_command: Zoo, data_file: Path, tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    x = keras.Input((8,), name="X")
    stem = layers.Dense(6, "relu", name="stem")(x)
    branch = layers.Dense(6, "relu", name="branch1")(stem)
    branch = layers.Dense(6, name="branch2")(branch)
    merged = layers.Add(name="add")([stem, branch])
    model = keras.Model(x, layers.Dense(4, name="outputs")(layers.Dense(6, "relu", name="upper")(merged)))
    card = replace(draft(model, tmp_path / "model.keras", blobs(16)[0]), name="residual")
    Shelf().publish(card, tmp_path, Spot("residual"))
    zoo_command("search-depth", "residual", "--data", data_file, "--cuts", "branch1", code=1)
    err = zoo_command.err  # type: ignore[attr-defined]
    assert "no valid cut lies after branch1: the layers above read 2 tensors there, of stem, branch1" in err
    assert "hint: the valid cuts: stem, branch2, upper" in err
    page = zoo_command("transfer", "residual", "--data", data_file, "--reuse", "stem|branch1", "--dry-run")
    assert "cut after stem, branch1" in page, "a transfer caches both"


CLASSES, NUMBERS = Target("class", ("5", "6")), Target("number", ("a", "b"))


def test_outputs_of_another_kind_are_not_reused() -> None:
    with pytest.raises(ZooError) as caught:
        check_answers("number", ("outputs",), CLASSES, "d.npz")
    assert (
        caught.value.message == "the reused layer outputs says numbers; the labels of d.npz are one of several classes"
    )
    assert caught.value.hint == "leave outputs out of --reuse: it is then made anew"
    with pytest.raises(ZooError, match=r"says any of several labels; the labels of d\.npz are one of several classes"):
        check_answers("multilabel", ("outputs",), CLASSES, "d.npz")
    check_answers("", ("outputs",), NUMBERS, "d.npz")
    check_answers("class", (), NUMBERS, "d.npz")


def test_outputs_for_other_classes_are_remarked() -> None:
    said = other_answers(("0", "1"), ("outputs",), CLASSES)
    assert said == ("the reused layer outputs was trained to say 0, 1; here the same outputs stand for 5, 6",)
    assert other_answers(("5", "6"), ("outputs",), CLASSES) == other_answers(("0", "1"), (), CLASSES) == ()


LAYERS = tuple(
    LayerInfo(name, kind, many, inputs=below)
    for name, kind, many, below in [
        ("X", "InputLayer", 0, ()), ("a", "Dense", 9, ("X",)), ("b", "Dense", 9, ("a",)), ("c", "Dense", 9, ("b",)),
    ]
)  # fmt: skip


def test_what_freeze_names_beside_the_reused_layers_is_remarked() -> None:
    selection = choose(LAYERS, "a", "a|b")
    (said,) = unfrozen("a|b", selection)
    assert said == "--freeze 'a|b' also names b, which is not reused: it is made anew, and trained"
    assert unfrozen(".*", selection) == unfrozen("none", selection) == unfrozen(None, selection) == ()


@pytest.mark.parametrize("unfreeze", [("auto",), ("gradual",), (), ("b",), ("b|c", "a"), (".*",)])
def test_phases_that_free_something(unfreeze: tuple[str, ...]) -> None:
    check_unfreezing(Plan("m", "d", "[ab]", unfreeze=unfreeze, top=Top((3,))), choose(LAYERS, "[ab]"))


BAD_LR = ("--optimizer", "sgd", "--lr", "1e30", "--epochs", 3)


def test_divergence_fails_the_run_and_says_where(zoo_command: Zoo, tiny: str, data_file: Path, zoo_home: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", *BAD_LR)
    zoo_command(*words, code=1)
    err = zoo_command.err  # type: ignore[attr-defined]
    assert "error: training diverged in its first epoch: the loss is not a number" in err
    assert "outputs" in err, "the layer"
    assert "hint: lower --lr, which was 1e+30, or clip the gradients: --clip-norm 1.0" in err
    assert Runs(zoo_home / "runs").find("last").status.state == "failed"
    zoo_command(*words, "--clip-norm", 1, code=1)
    assert zoo_command.err.endswith("hint: lower --lr, which was 1e+30\n")  # type: ignore[attr-defined]


def test_divergence_with_every_seed(zoo_command: Zoo, tiny: str, data_file: Path, zoo_home: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", *BAD_LR, "--seeds", 2)
    zoo_command(*words, code=1)
    assert "error: with all of 2 seeds, training diverged in its first epoch" in zoo_command.err  # type: ignore[attr-defined]
    assert len(Runs(zoo_home / "runs").all()) == 2


def test_a_later_phase_that_diverges_leaves_the_best(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", "--optimizer", "sgd", "--epochs", 3,
             "--unfreeze", "hidden2", "--unfreeze-lr", "1e35", "--no-compare-scratch")  # fmt: skip
    page = zoo_command(*words)
    assert "\n1 *" in page and "   no number  " in page
    assert "\n! phase 2: in epoch 1 the loss is no number" in page
    result = zoo_command(*words, "--json")
    assert result["best_phase"] == 1 and result["phases"][1]["kept"] is False


def test_a_control_that_diverges_fails_nothing(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    """Steps this large are too much for three layers on one another, and not for a linear one on fixed features."""
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", "--optimizer", "sgd", "--unfreeze", "none")
    page = zoo_command(*words, "--lr", "1e15", "--epochs", 2, "--dropout", 0, "--top", "")
    assert "training from scratch diverged, so there is nothing to compare with; lower --lr" in page


def features(scale: float = 1.0) -> dict[str, Features]:
    made = {name: blobs(n, seed=n) for name, n in (("train", 50), ("valid", 21))}
    return {name: Features((x * np.float32(scale),), y) for name, (x, y) in made.items()}


def diverged(model: Any, splits: dict[str, Features], trunk: Any = None) -> DivergenceError:
    freeze(model, ())
    with pytest.raises(DivergenceError) as caught:
        fit(model, splits, Training(epochs=2), Target("class", ("a", "b", "c")), lr=0.01, seed=0, trunk=trunk)
    return caught.value


def test_divergence_that_is_not_the_rates_fault() -> None:
    model = chain(outputs=3)
    assert "what the trained layers read is as large as 5" in diverged(model, features(1e37)).message
    lost = features()
    lost["train"].arrays[0][[3, 7], 1] = np.inf
    error = diverged(chain(outputs=3), lost)
    assert "what the trained layers read is no finite number in 2 of 50 train samples" in error.message
    assert error.hint.startswith("look at the range of the data, which a net wants about 1: zoo data inspect")
    model = chain(outputs=3)
    weights = model.get_weights()
    weights[2][0, 0] = np.nan
    model.set_weights(weights)
    error = diverged(model, features())
    assert error.message.endswith("the weights of hidden2 were no finite numbers before it began")
    assert error.hint == "it is the checkpoint that is damaged: zoo verify MODEL, or leave that layer out of --reuse"


@pytest.fixture(scope="module")
def begun(home_with_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run, killed in its second phase; copied, never used."""
    home = tmp_path_factory.mktemp("killed") / "home"
    shutil.copytree(home_with_tiny, home)
    data = home / "blobs.npz"
    made = {"train": blobs(60), "valid": blobs(30, seed=1), "test": blobs(30, seed=2)}
    np.savez(data, **{f"{axis}_{name}": pair[n] for name, pair in made.items() for n, axis in enumerate("xy")})
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(data)], env={**os.environ, "ZOO_HOME": str(home)}, capture_output=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr[-2000:]
    return home


KILLED = """
import os, signal, sys
import transfer.fitting.fit
import zoo

transfer.fitting.fit.SHOW_SECONDS = transfer.fitting.fit.SAVE_SECONDS = 0

def watch(stage, done, total, note=""):
    if stage.startswith("phase 2") and done >= 2:
        os.kill(os.getpid(), signal.SIGKILL)

zoo.transfer("tiny", sys.argv[1], reuse="hidden[12]", epochs=4, batch_size=10, watch=watch)
"""


@pytest.fixture
def run(begun: Path, zoo_home: Path) -> RunFolder:
    """That run, in this test's home."""
    shutil.copytree(begun, zoo_home)
    return Runs(zoo_home / "runs").find("last")


def _short(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:60])


def _plan(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def changed(folder: Path) -> None:
        document = json.loads((folder / "plan.json").read_bytes())
        change(document)
        (folder / "plan.json").write_text(json.dumps(document))

    return changed


ANEW = "the run cannot be resumed; begin it anew: zoo replay 2"


@pytest.mark.parametrize(
    ("damage", "message", "hint"),
    [
        (lambda folder: (folder / "plan.json").unlink(), "plan.json cannot be read: No such file or directory\n",
         "zoo runs lists all runs, and what is broken"),
        (_short("plan.json"), "plan.json cannot be read: Input data was truncated", "zoo runs"),
        (_plan(lambda plan: plan["training"].update(lr=-1)), "plan.json cannot be read: --lr must be above 0",
         "zoo runs"),
        (_plan(lambda plan: plan["training"].update(momentums=[1])),
         "plan.json has choices that this version of zoo, ", "the version that wrote it"),
        (_plan(lambda plan: plan.update(model="gone@0123456789ab")), "no model is named 'gone'", "there are:"),
        (_plan(lambda plan: plan.update(data="gone.npz")), "there are no data at gone.npz", "--data takes"),
        (lambda folder: [(folder / name).unlink() for name in ("plan.json", "status.json")], "no run is named", ""),
        (_short("status.json"), "status.json cannot be read: Input data was truncated", "zoo runs"),
        (_short("phases.json"), "phases.json cannot be read: Input data was truncated", ANEW),
        (lambda folder: (folder / "phases/1.safetensors").unlink(), "1.safetensors cannot be read: No such file", ANEW),
        (_short("phases/unfinished.safetensors"), "unfinished.safetensors cannot be read", ANEW),
    ],
)  # fmt: skip
def test_a_broken_run_is_not_resumed(
    zoo_command: Zoo, run: RunFolder, damage: Callable[[Path], object], message: str, hint: str
) -> None:
    damage(run.path)
    zoo_command("resume", run.id, code=1)
    assert message in zoo_command.err  # type: ignore[attr-defined]
    assert hint in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("runs")


def test_a_later_versions_choices_are_named(run: RunFolder) -> None:
    _plan(lambda plan: plan["training"].update(momentums=[1]))(run.path)
    with pytest.raises(ZooError, match=r"does not know: training\.momentums$"):
        zoo.resume(run.id)


def test_a_run_is_carried_out_by_one_process(zoo_command: Zoo, run: RunFolder) -> None:
    script = f"import sys, transfer.alone, pathlib\nwith transfer.alone.alone(pathlib.Path({str(run.path)!r})):\n"
    holding = subprocess.Popen(
        [sys.executable, "-c", script + "    print('held', flush=True)\n    sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holding.stdout is not None and holding.stdout.readline() == "held\n"
        zoo_command("resume", run.id, code=1)
        process = run.status.process
        said = f"error: the run {run.id} is running: there is nothing to resume\nhint: it is process {process}\n"
        assert said in zoo_command.err  # type: ignore[attr-defined]
        with pytest.raises(ZooError) as caught, alone(run.path):
            raise AssertionError("it must not begin")
        assert caught.value.message == f"the run {run.id} is being carried out by another process"
        assert caught.value.hint == "zoo runs shows how it stands"
    finally:
        holding.communicate("")
    assert run.status.state == "interrupted", "the other's"
    with alone(run.path):
        pass  # the lock went with the process


def test_half_a_line_of_metrics_is_written_again(tmp_path: Path) -> None:
    path, rows = tmp_path / "metrics.jsonl", [EpochRow(1, n, 0.5, 0.5, 0.5) for n in (1, 2)]
    json_lines.append(path, rows)
    path.write_bytes(path.read_bytes()[:-9])
    assert json_lines.read(path, EpochRow) == rows[:1]
    json_lines.append(path, rows)
    assert json_lines.read(path, EpochRow) == [rows[0], *rows]
    path.write_bytes(b"what\n" + path.read_bytes())
    with pytest.raises(ZooError, match=r"metrics\.jsonl: line 1 cannot be read: JSON is malformed"):
        json_lines.read(path, EpochRow)
    assert json_lines.read(tmp_path / "none", EpochRow) == []
