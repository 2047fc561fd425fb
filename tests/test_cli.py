"""The command line from the outside: what is typed, what is printed, and the exit code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SHIPPED, blobs

Zoo = Callable[..., Any]
QUICK = ("--epochs", "3", "--batch-size", "16", "--lr", "0.02")


def test_help_lists_every_command_and_each_has_its_own(zoo_command: Zoo) -> None:
    shown = zoo_command("--help")
    for name in ("list", "show", "layers", "import", "publish", "transfer", "evaluate", "predict", "runs", "cache"):
        assert f"\n  {name} " in shown
        page = zoo_command(name, "--help")
        assert f"Usage: zoo {name}" in page


def test_help_puts_options_under_the_names_of_their_groups(zoo_command: Zoo) -> None:
    page = zoo_command("transfer", "--help")
    heads = [line for line in page.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Arguments:", "Options:", "The data:", "The new layers:", "How it trains:", "Where it runs:"]
    places = [page.index(f"\n  {option} ") for option in ("--reuse", "--json", "--target", "--top", "--epochs")]
    assert places == sorted(places)
    assert "all if not given" not in zoo_command("cache", "rm", "--help")


@pytest.mark.parametrize("words", [(), ("cache",), ("data",)])
def test_no_command_gives_help_and_no_error(zoo_command: Zoo, words: tuple[str, ...]) -> None:
    assert zoo_command(*words, code=2) == ""
    assert zoo_command.err.startswith(" ".join(["Usage: zoo", *words, "[OPTIONS] COMMAND"]))  # type: ignore[attr-defined]
    assert "error" not in zoo_command.err.splitlines()[0]  # type: ignore[attr-defined]


def test_transfer_says_what_stands_in_place_of_what_is_left_out(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--dry-run")
    assert "\nnew on top: Dense 20, then Dense 10, then 3 outputs\n" in zoo_command(*words, "--top", "20,10")
    assert "new on top" not in zoo_command(*words)


def test_list(zoo_command: Zoo, tiny: str) -> None:
    lines = zoo_command("list").splitlines()
    assert lines[0].split() == ["NAME", "REVISION", "SOURCE", "TASK", "PARAMETERS", "SIZE", "TAGS"]
    assert [line.split()[0] for line in lines[1:]] == [*SHIPPED, "tiny"]
    assert zoo_command("list", "-q").split() == [*SHIPPED, "tiny"]
    assert zoo_command("list", "t*", "-q").split() == ["tiny"]
    assert zoo_command("list", "--tag", "mnist", "-q").split() == ["mnist-dnn", "mnist-pairs"]
    assert zoo_command("list", "--source", "local", "-q").split() == ["tiny"]
    assert zoo_command("list", "--task", "image-classification", "-q").split() == SHIPPED
    document = zoo_command("list", "--json")
    assert document["count"] == len(SHIPPED) + 1
    assert set(document["models"][0]) >= {"name", "revision", "source", "task", "parameters", "bytes", "tags"}


def test_show(zoo_command: Zoo) -> None:
    page = zoo_command("show", "mnist-dnn")
    for text in (
        "X:0 (?, 784) float32",
        "hidden1",
        "model.ckpt.meta",
        "digits-5-9.npz",
        "uint8 (28, 28), x * 0.0039215686",
    ):
        assert text in page
    document = zoo_command("show", "mnist-dnn", "--json")
    keys = {"name", "revision", "source", "card", "inputs", "outputs", "layers", "files", "lineage"}
    assert set(document) >= keys
    assert document["inputs"] == [{"name": "X:0", "shape": [None, 784], "dtype": "float32"}]
    assert set(document["layers"][0]) >= {"name", "type", "parameters", "trainable"}
    assert set(document["files"][0]) == {"path", "bytes", "sha256"}


def test_layers(zoo_command: Zoo) -> None:
    page = zoo_command("layers", "mnist-dnn", "--reuse", "hidden[123]")
    assert "hidden3  Dense            2,550  reused, frozen\n" in page
    assert page.strip().endswith("cut after hidden3")
    document = zoo_command("layers", "mnist-dnn", "--reuse", "hidden[13]", "--json")
    assert document["cut"] == ["hidden1"]
    assert [(one["name"], one["reused"], one["frozen"]) for one in document["layers"]][1:4] == [
        ("hidden1", True, True), ("hidden2", False, False), ("hidden3", True, True),
    ]  # fmt: skip
    assert "re-initialised, trained" in zoo_command("layers", "mnist-dnn", "--reuse", "hidden[13]")
    assert "cut at the input" in zoo_command("layers", "mnist-dnn", "--reuse", "hidden[34]|outputs")
    assert "--reuse REGEX shows" in zoo_command("layers", "mnist-dnn")


def test_import_keras(zoo_command: Zoo, chain_file: Path) -> None:
    document = zoo_command("import", chain_file, "--as", "mine", "--json")
    assert document["format"] == "keras"
    assert [one["scope"] for one in document["mapped"]] == ["hidden1", "hidden2", "hidden3", "outputs"]
    assert set(document) >= {"name", "revision", "layers", "unmapped", "max_abs_difference"}
    assert zoo_command("show", "mine", "--json")["revision"] == document["revision"]


def test_import_a_meta_graph(zoo_command: Zoo) -> None:
    checkpoint = Path(__file__).parents[1] / "models" / "mnist-dnn" / "model.ckpt"
    page = zoo_command("import", checkpoint, "--as", "mine")
    assert "largest difference from the original" in page
    assert "hidden1/kernel" in page
    document = zoo_command("import", checkpoint, "--as", "cut", "--output", "dnn/hidden3/Elu:0", "--json")
    assert document["max_abs_difference"] < 1e-4
    assert [one["scope"] for one in document["mapped"]] == ["hidden1", "hidden2", "hidden3"]


def test_a_dry_run_stores_nothing(zoo_command: Zoo, chain_file: Path) -> None:
    assert "--dry-run" in zoo_command("import", chain_file, "--as", "mine", "--dry-run")
    assert zoo_command("list", "-q").split() == SHIPPED


def test_transfer_publish_and_transfer_again(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    page = zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", "--recipe", "lp-ft", *QUICK)
    for text in ("60 train, 30 valid, 45 test", "reused, frozen", "cut after hidden2", "PHASE", "scratch",
                 "95 % INTERVAL", "from scratch", "run     ", "report  ", "next    zoo publish"):  # fmt: skip
        assert text in page
    assert "published blobs-net@" in zoo_command("publish", "last", "--as", "blobs-net")
    shown = zoo_command("show", "blobs-net", "--json")
    assert shown["lineage"]["parent"].startswith("tiny@")
    assert shown["lineage"]["reused"] == ["hidden1", "hidden2"]
    assert shown["card"]["classes"] == ["0", "1", "2"]
    assert "blobs-net" in zoo_command("list", "-q").split()
    document = zoo_command("transfer", "blobs-net", "--data", data_file, "--reuse", "hidden1", *QUICK, "--json")
    assert document["model"] == "blobs-net"
    assert document["reused"] == ["hidden1"]


def test_the_transfer_document(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", *QUICK, "--json")
    document = zoo_command(*words)
    assert set(document) >= {
        "run", "model", "revision", "data", "reuse", "freeze", "cut", "phases", "best_phase", "valid_accuracy",
        "test_accuracy", "test_accuracy_ci95", "scratch", "cache", "seconds", "seed",
    }  # fmt: skip
    assert set(document["phases"][0]) >= {"train", "epochs", "seconds", "train_loss", "valid_loss", "valid_accuracy"}
    assert set(document["cache"]) == {"key", "hit", "bytes", "seconds", "extracted"}
    assert set(document["seconds"]) >= {"import", "extract", "train", "total"}
    cached = [phase for phase in document["phases"] if phase["cut"] != ["X"]]
    assert len(cached) > 1
    assert (document["cache"]["hit"], document["cache"]["extracted"]) == (False, 90), "one pass for all cuts"
    again = zoo_command(*words, "--no-compare-scratch")
    assert (again["cache"]["hit"], again["cache"]["extracted"]) == (True, 0)
    assert again["scratch"] is None
    assert again["test_accuracy"] == document["test_accuracy"]
    (entry,) = zoo_command("cache", "list", "--json")["entries"][-1:]
    assert entry["parts"]["cut"]
    assert document["cache"]["key"][:12] in zoo_command("cache", "list")
    assert zoo_command("runs", "-q").split() == [document["run"], again["run"]]
    assert [run["state"] for run in zoo_command("runs", "--json")["runs"]] == ["done", "done"]
    header, first, _ = zoo_command("runs").splitlines()
    assert header.split() == ["RUN", "STATE", "STARTED", "REUSE", "SEED", "KEPT", "MEASURE", "VALID", "TEST"]
    kept = document if document["kept"] == "reused" else document["scratch"]
    for name in ("valid_accuracy", "test_accuracy", "test_accuracy_ci95"):
        assert document[f"kept_{name}"] == kept[name]
    assert first.split()[-4:] == [
        document["kept"],
        "accuracy",
        f"{kept['valid_accuracy']:.4f}",
        f"{kept['test_accuracy']:.4f}",
    ]


def test_several_seeds(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "--seeds", "2")
    document = zoo_command(*words, "--json", "--publish-as", "best")
    assert [one["seed"] for one in document["seeds"]] == [0, 1]
    accuracies = [one["test_accuracy"] for one in document["seeds"]]
    assert document["mean"] == pytest.approx(np.mean(accuracies))
    assert document["std"] == pytest.approx(np.std(accuracies, ddof=1))
    assert set(document["scratch"]) == {"mean", "std"}
    assert document["difference"]["mean"] == pytest.approx(document["mean"] - document["scratch"]["mean"])
    assert (document["difference"]["n"], document["difference"]["over"]) == (2, "seeds")
    kept = [one["kept_test_accuracy"] for one in document["seeds"]]
    assert document["kept"] == pytest.approx({"mean": np.mean(kept), "std": np.std(kept, ddof=1)})
    single = document["seeds"][0]["scratch"]
    assert single["difference"]["mean"] == pytest.approx(accuracies[0] - single["test_accuracy"])
    assert (single["difference"]["n"], single["difference"]["over"]) == (45, "samples")
    assert "best" in zoo_command("list", "-q").split()
    page = zoo_command(*words)
    assert "\nmean" in page
    assert "\nstd" in page
    assert "paired over 2 seeds" in page


def test_options_reach_the_plan(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    plan = zoo_command(
        "transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", "--freeze", "hidden.*", "--top", "9,4",
        "--activation", "relu", "--init", "xavier", "--batch-norm", "--dropout", "0.1", "--clip-norm", "1.5",
        "--unfreeze", "hidden2", "--unfreeze", "hidden1", "--patience", "2", "--seed", "7", "--no-cache", "--dry-run",
        "--json",
    )["plan"]  # fmt: skip
    assert (plan["reuse"], plan["freeze"], plan["unfreeze"], plan["seed"]) == (
        "hidden[12]",
        "hidden.*",
        ["hidden2", "hidden1"],
        7,
    )
    wanted = {"units": [9, 4], "activation": "relu", "init": "xavier", "batch_norm": True, "dropout": 0.1}
    assert wanted.items() <= plan["top"].items()
    assert (plan["training"]["clip_norm"], plan["training"]["patience"], plan["cached"]) == (1.5, 2, False)


def test_a_report_is_written_with_the_command_to_repeat_it(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden[12]", "--top", "9", "--batch-norm", *QUICK)
    first = zoo_command(*words, "--json")
    folder = next(Path(run["path"]) for run in zoo_command("runs", "--json")["runs"])
    report = (folder / "report.md").read_text()
    assert first["run"] in report
    command = report.split("## To repeat it\n\n```\n")[1].split("\n")[0]
    import shlex

    again = zoo_command(*shlex.split(command)[1:], "--json")
    assert again["test_accuracy"] == first["test_accuracy"]
    assert again["phases"][0]["valid_loss"] == first["phases"][0]["valid_loss"]


def test_evaluate_and_predict(zoo_command: Zoo, tiny: str, data_file: Path, tmp_path: Path) -> None:
    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "--publish-as", "net", "-q")
    result = zoo_command("runs", "--json")["runs"][0]
    document = zoo_command("evaluate", "net", "--data", data_file, "--json")
    assert document["accuracy"] == result["test_accuracy"]
    assert set(document) == {
        "model", "data", "split", "n", "loss", "measure", "accuracy", "accuracy_ci95", "per_class", "errors", "broken",
        "notes",
    }  # fmt: skip
    assert (document["measure"], document["errors"], document["broken"]) == ("accuracy", {}, [])
    assert "95 % interval" in zoo_command("evaluate", "net", "--data", data_file, "--split", "valid")
    x, _ = blobs(25)
    np.save(tmp_path / "x.npy", x)
    outputs = zoo_command("predict", "net", "--input", tmp_path / "x.npy", "--json")["outputs"]
    assert np.shape(outputs) == (25, 3)
    assert "and 5 rows more" in zoo_command("predict", "net", "--input", tmp_path / "x.npy")
    zoo_command("predict", "net", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert np.allclose(np.load(tmp_path / "y.npy"), outputs)


def test_a_published_model_opens_in_plain_keras(zoo_command: Zoo, tiny: str, data_file: Path, zoo_home: Path) -> None:
    import subprocess
    import sys

    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "--publish-as", "net", "-q")
    revision = zoo_command("show", "net", "--json")["revision"]
    folder = zoo_home / "checkouts" / revision
    zoo_command("evaluate", "net", "--data", data_file)
    program = (
        "import sys, keras, numpy as np; m = keras.saving.load_model('model.keras'); t = np.load('test.npz');"
        "assert np.allclose(m.predict(t['inputs'], verbose=0), t['outputs'], atol=1e-5);"
        "assert not {'zoo', 'registry', 'transfer'} & set(sys.modules); print('same')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.stdout.strip() == "same", done.stderr[-2000:]


def test_the_accuracy_can_be_asserted(zoo_command: Zoo, tiny: str, data_file: Path) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "-q", "--assert-accuracy-at-least")
    zoo_command(*words, "0.01")
    zoo_command(*words, "1.01", code=1)
    document = zoo_command(*words, "1.01", "--publish-as", "bad", "--json", code=1)
    said = r"the test accuracy of the (reused model|model from scratch), which is kept, is \d\.\d{4}; "
    assert re.match(f"{said}--assert-accuracy-at-least wants 1.01", document["error"]["message"])
    assert "bad" not in zoo_command("list", "-q").split(), "what fails is not published"


def test_a_sample_is_in_the_same_split_whatever_the_seed(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    x, y = blobs(200)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    words = ("transfer", tiny, "--data", tmp_path / "d.npz", "--reuse", "hidden1", *QUICK, "--json", "--seed", "3")
    document = zoo_command(*words, "--publish-as", "net")
    scored = zoo_command("evaluate", "net", "--data", tmp_path / "d.npz", "--json")
    assert (scored["n"], scored["accuracy"]) == (30, document["accuracy"])


def test_lost_files_are_not_published(zoo_command: Zoo, tiny: str, data_file: Path, zoo_home: Path) -> None:
    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "-q")
    (folder,) = (zoo_home / "runs").iterdir()
    (folder / "model.keras").unlink()
    zoo_command("publish", "last", "--as", "net", code=1)
    assert "model.keras is gone" in zoo_command.err  # type: ignore[attr-defined]
    (folder / "status.json").write_text("{")
    assert zoo_command("runs", "--json")["runs"][0]["state"] == "broken"


def bad(tmp_path: Path) -> dict[str, Path]:
    """Broken inputs by name."""
    x, y = blobs(30)
    np.savez(tmp_path / "wide.npz", x=np.ones((30, 9), np.float32), y=y)
    np.savez(tmp_path / "one.npz", x=x, y=y * 0)
    np.savez(tmp_path / "nan.npz", x=np.where(np.arange(30)[:, None] == 3, np.nan, x), y=y)
    np.savez(tmp_path / "labels.npz", x_train=x, y_train=y, x_valid=x, y_valid=y + 5)
    np.savez(tmp_path / "good.npz", x=x, y=y)
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "nan.npy", np.full((2, 8), np.nan))
    (tmp_path / "junk.keras").write_bytes(b"PK junk")
    (tmp_path / "junk.ckpt.meta").write_bytes(b"\xff" * 50)
    (tmp_path / "junk.ckpt.index").write_bytes(b"")
    (tmp_path / "junk.ckpt.data-00000-of-00001").write_bytes(b"")
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["transfer", "tinny", "--reuse", "x"], 1, "no model is named 'tinny'", "did you mean tiny"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hiden1"], 1, "selects no layer", "hidden1"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hidden[1"], 1, "is invalid", "quote it"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", ".*"], 1, "selects every layer", "outputs"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hidden1", "--unfreeze", "hiden2"], 1,
         "the regex 'hiden2' selects no layer", "hidden2"),
        (["transfer", "tiny", "--reuse", "hidden1"], 1, "names no default data", "--data DATA"),
        (["transfer", "tiny", "--data", "@none.npz", "--reuse", "hidden1"], 1, "there are no data at", ".npz"),
        (["transfer", "tiny", "--data", "@wide.npz", "--reuse", "hidden1"], 1,
         "train have samples of shape (9,); the model expects (8)", ""),
        (["transfer", "tiny", "--data", "@one.npz", "--reuse", "hidden1"], 1, "wants at least two", ""),
        (["transfer", "tiny", "--data", "@nan.npz", "--reuse", "hidden1"], 1, "in row 3", "remove or fill"),
        (["transfer", "tiny", "--data", "@labels.npz", "--reuse", "hidden1"], 1,
         "a label unseen in training: 5, 6, 7, in", "--classes NAME,NAME"),
        (["transfer", "tiny", "--data", "mnist-dnn:x.npz", "--reuse", "hidden1"], 1,
         "has no file 'x.npz'", "digits-5-9.npz"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hidden1", "--publish-as", "tiny"], 1,
         "is taken", "--update"),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hidden1", "--top", "a"], 2, "--top takes widths", ""),
        (["transfer", "tiny", "--data", "@good.npz", "--reuse", "hidden1", "--init", "x"], 2, "--init takes he", ""),
        (["transfer", "tiny", "--reuse", "hidden1", "--dropout", "much"], 2, "'--dropout'", "zoo transfer --help"),
        (["transfer", "tiny"], 2, "Missing option '--reuse'", "zoo transfer --help"),
        (["transfer", "tiny", "--reuse", "hidden1", "--epoch", "3"], 2, "No such option", "--help"),
        (["nonsense"], 2, "No such command 'nonsense'", "zoo --help"),
        (["show", "tiny@0000000"], 1, "tiny has no revision '0000000'", "known:"),
        (["show", "a b"], 1, "is no model name", ""),
        (["import", "@junk.keras", "--as", "x"], 1, "is no Keras 3 file", ""),
        (["import", "@junk.ckpt", "--as", "x"], 1, "junk.ckpt", ""),
        (["import", "@nothing", "--as", "x"], 1, "does not exist", "a name of zoo list"),
        (["import", "@text.npy", "--as", "x"], 1, "holds weights and no architecture", "--into keras:MobileNetV2"),
        (["import", "@junk.keras", "--as", "tiny"], 1, "the name 'tiny' is taken", "--update"),
        (["import", "@junk.keras", "--as", "a/b/c"], 1, "is no model name", ""),
        (["publish", "nothing", "--as", "x"], 1, "no model is named 'nothing', and no run", "did you mean tiny?"),
        (["predict", "tiny", "--input", "@text.npy"], 1, "is no readable .npy file", "numpy.save"),
        (["predict", "tiny", "--input", "@nan.npy"], 1, "holds NaN", "remove or fill"),
        (["predict", "tiny", "--input", "@none.npy"], 1, "there is no file", "--input"),
        (["evaluate", "mnist-dnn"], 1, "a label that the model does not know: 5, 6, 7, 8, 9, in", "--classes"),
        (["evaluate", "tiny", "--data", "@good.npz"], 1, "outputs of shape (4,); the data have 3 classes", "--reuse"),
    ],
)  # fmt: skip
def test_bad_input(
    zoo_command: Zoo, tiny: str, tmp_path: Path, zoo_home: Path, words: list[str], code: int, message: str, hint: str
) -> None:
    files = bad(tmp_path)
    words = [str(files.get(word[1:], tmp_path / word[1:])) if word.startswith("@") else word for word in words]
    zoo_command(*words, code=code)
    assert message in zoo_command.err  # type: ignore[attr-defined]
    assert hint in zoo_command.err  # type: ignore[attr-defined]
    assert "Traceback" not in zoo_command.err  # type: ignore[attr-defined]
    document = zoo_command(*words, "--json", code=code)
    assert set(document["error"]) == {"type", "message", "hint"}
    assert message in document["error"]["message"]
    assert zoo_command("list", "-q").split() == [*SHIPPED, "tiny"], "nothing half-written"
    assert not list(zoo_home.rglob("tmp-*"))


def test_an_unexpected_error_is_no_traceback_unless_asked_for(
    zoo_command: Zoo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("registry.shelf.Shelf.summaries", broken)
    zoo_command("list", code=1)
    assert "unexpected RuntimeError: boom" in zoo_command.err  # type: ignore[attr-defined]
    monkeypatch.setenv("ZOO_DEBUG", "1")
    with pytest.raises(RuntimeError, match="boom"):
        zoo_command("list")


def test_a_home_that_cannot_be_written(zoo_command: Zoo, chain_file: Path, zoo_home: Path) -> None:
    zoo_home.write_text("a file is in the way")
    zoo_command("import", chain_file, "--as", "x", code=1)
    assert "cannot create the folder" in zoo_command.err  # type: ignore[attr-defined]
    assert "ZOO_HOME" in zoo_command.err  # type: ignore[attr-defined]


def test_the_same_from_python(tiny: str, data_file: Path) -> None:
    import zoo

    run = zoo.transfer(tiny, str(data_file), reuse="hidden[12]", epochs=3, batch_size=16, lr=0.02, seed=1)
    assert run.result.cut == ("hidden2",)
    assert run.folder.model.exists()
    model = zoo.publish(run, "mine")
    assert [line.name for line in zoo.list("mi*")] == ["mine"]
    assert zoo.load("mine").classes == ("0", "1", "2")
    assert zoo.show(model.ref).card.lineage.run == run.folder.id  # type: ignore[union-attr]
    x, _ = blobs(5)
    assert zoo.predict("mine", x).shape == (5, 3)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        zoo.nonsense  # noqa: B018


def test_ctrl_c_is_said_and_seen(tiny: str, data_file: Path, zoo_home: Path) -> None:
    import signal
    import subprocess
    import sys
    import time

    words = [
        "transfer",
        tiny,
        "--data",
        str(data_file),
        "--reuse",
        "hidden1",
        "--epochs",
        "100000",
        "--patience",
        "100000",
        "--seeds",
        "2",
        "--publish-as",
        "mine",
    ]
    command = [sys.executable, "-m", "zoo", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(zoo_home.glob("cache/*/*.h5")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 1
    said = "error: interrupted with seed 0 of 0 to 1; not begun: seed 1; nothing is published as mine"
    assert said in shown
    assert "Traceback" not in shown
    from transfer.runs import Runs

    (folder,) = Runs(zoo_home / "runs").all()
    assert folder.status.state == "interrupted"
    assert f"hint: zoo resume {folder.id} goes on with it; then zoo transfer {tiny}@" in shown
    assert not list(zoo_home.rglob("tmp-*"))
