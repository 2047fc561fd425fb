from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from registry.errors import ZooError
from transfer.finding import Finding
from transfer.layer_health import LARGEST, LayerHealth
from transfer.predicted import PREDICTIONS, Mistake, Predictions, read, write
from transfer.result import Result
from transfer.runs import EpochRow, RunFolder
from zoo import api
from zoo.depth_record import RECORD
from zoo.html_report.blocks import Figure, Gallery, Table, Text
from zoo.html_report.calibration import Bin, expected_error, reliability
from zoo.html_report.depth import depth_search
from zoo.html_report.errors import confusion, errors, per_class
from zoo.html_report.freezing import trained_when
from zoo.html_report.health import diagnosis
from zoo.html_report.learning import curves
from zoo.html_report.mistakes import worst_mistakes
from zoo.html_report.page import page, write_page
from zoo.html_report.told import Told, told
from zoo.html_report.trust import calibration
from zoo.report import phases_table

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "img", "link", "br"}


class Page(HTMLParser):
    """What a page holds: its tags, its text, and whether each tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", [""]
        self.feed(text)
        assert self.open == [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(one == tag for one, _ in self.tags)

    @property
    def sections(self) -> list[str]:
        return [str(about["id"]) for tag, about in self.tags if tag == "section"]


@pytest.fixture
def run(tiny: str, data_file: Path) -> RunFolder:
    """A real run of the small net."""
    options: dict[str, Any] = {"epochs": 4, "batch_size": 16, "lr": 0.02}
    return api.transfer(tiny, str(data_file), reuse="hidden[12]", unfreeze="hidden2", **options).folder


def other(about: Told, kind: str, outputs: np.ndarray, labels: np.ndarray) -> Told:
    """Return what is told of a run as if its target were of another kind."""
    assert about.result is not None
    classes = ("x", "y")
    said = Predictions("test", outputs.astype(np.float32), labels.astype(np.float32), (Mistake(0, 1.0, "a"),))
    return replace(about, result=replace(about.result, target=kind, classes=classes), predictions=said)


def test_a_page_has_its_sections_figures_and_values(run: RunFolder) -> None:
    text = write_page(run).read_text(encoding="utf-8")
    shown, result = Page(text), run.result
    assert result.scratch is not None and result.scratch.test_accuracy is not None
    expected = ["what-was-done", "verdict", "learning-curves", "what-trained-when", "confusions", "by-class",
                "calibration", "worst-mistakes", "lineage", "where-the-time-went", "to-repeat-it"]  # fmt: skip
    assert [name for name in shown.sections if name != "diagnosis"] == expected
    assert shown.count("svg") >= 9
    for value in (result.test_accuracy, result.scratch.test_accuracy):
        assert f"{value:.4f}" in shown.text
    for words in (f"zoo replay {run.id}", "zoo transfer tiny@", "paired over 45 samples", "Expected calibration error"):
        assert words in shown.text
    assert (run.path / "report.html").exists()


def test_a_page_refers_to_nothing_outside_and_runs_nothing(run: RunFolder) -> None:
    shown = Page(page(told(run)))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in shown.tags}
    for tag, about in shown.tags:
        assert not [name for name in about if name.startswith("on")], tag
        for name in ("href", "src", "xlink:href"):
            assert (about.get(name) or "#").startswith(("#", "data:image/png;base64,"))
    assert "http" not in page(told(run)).replace("http-equiv", "")


def test_names_of_others_come_out_escaped(run: RunFolder) -> None:
    about = told(run)
    assert about.result is not None and about.result.test is not None and about.card is not None
    phases = tuple(replace(one, train=(HOSTILE,), frozen=(HOSTILE + "2",)) for one in about.result.phases)
    test = replace(about.result.test, per_class={HOSTILE: 0.5})
    result = replace(about.result, classes=(HOSTILE, "b", "c"), phases=phases, test=test, remarks=(HOSTILE,))
    said = about.predictions
    assert said is not None
    said = replace(said, worst=tuple(replace(one, where=HOSTILE, text=HOSTILE) for one in said.worst))
    plan = replace(about.plan, model=HOSTILE, data=HOSTILE, reuse=HOSTILE)
    text = page(replace(about, result=result, predictions=said, plan=plan))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 10
    assert "script" not in {tag for tag, _ in Page(text).tags}


def test_what_trained_when(run: RunFolder) -> None:
    section = trained_when(told(run))
    assert section is not None
    figure = section.blocks[0]
    assert isinstance(figure, Figure)
    cells = dict(re.findall(r"<title>([^<]+), ([^<]+: \w+)</title>", figure.svg)[::-1])
    assert cells.keys() == {"outputs", "hidden3", "hidden2", "hidden1"}
    titles = set(re.findall(r"<title>([^<]+: \w+)</title>", figure.svg))
    best = run.result.best_phase
    first, second = (f"{number} ✓" if number == best else str(number) for number in (1, 2))
    assert {f"hidden1, {first}: frozen", f"hidden2, {first}: frozen", f"hidden2, {second}: trained",
            f"hidden1, {second}: frozen", f"hidden3, {first}: new", "hidden1, scratch: new"} <= titles  # fmt: skip


def test_confusions_are_counted() -> None:
    found = confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3)
    assert found.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_calibration_is_guos() -> None:
    said, true = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55]), np.array([1, 1, 1, 0, 1, 0], bool)
    bins = reliability(said, true, 10)
    assert bins == [Bin(2, pytest.approx(0.55), 0.5), Bin(4, pytest.approx(0.95), 0.75)]  # type: ignore[arg-type]
    assert expected_error(bins) == pytest.approx((2 * 0.05 + 4 * 0.2) / 6)
    assert [one.n for one in reliability(np.array([0.0, 1.0]), np.array([False, True]))] == [1, 1]


def test_mistakes_show_their_pictures(run: RunFolder) -> None:
    about = told(run)
    assert about.predictions is not None
    one = replace(about.predictions.worst[0], picture=np.full((4, 4, 3), 9, np.uint8), text="width = 3")
    section = worst_mistakes(replace(about, predictions=replace(about.predictions, worst=(one,))))
    assert section is not None
    gallery = section.blocks[0]
    assert isinstance(gallery, Gallery)
    assert gallery.samples[0].picture.startswith("data:image/png;base64,")
    assert gallery.samples[0].text == "width = 3"
    assert re.fullmatch(r"\d, not \d", gallery.samples[0].title)


def test_numbers_have_residuals_in_place_of_confusions(run: RunFolder) -> None:
    true = np.arange(20.0).reshape(10, 2)
    about = other(told(run), "number", true + np.array([1.0, -1.0]), true)
    section = errors(about)
    assert section is not None and section.title == "Residuals"
    assert [block.caption for block in section.blocks if isinstance(block, Figure)] == [
        "x: predicted against true", "x: residuals", "y: predicted against true", "y: residuals",
    ]  # fmt: skip
    table = section.blocks[-1]
    assert isinstance(table, Table)
    assert table.rows[0] == ["x", "1", "0", "1"]
    assert calibration(about) is None
    assert about.result is not None and about.result.test is not None
    single = replace(about.result, classes=("x",), test=replace(about.result.test, per_class={"x": 0.5}))
    assert per_class(replace(about, result=single)) is None, "it is the verdict's"
    largest = worst_mistakes(about)
    assert largest is not None and largest.title == "Largest errors"
    assert largest.lead == f"The test samples that are missed by most. {KEPT[about.result.kept]}"
    assert Page(page(about)).sections.count("residuals") == 1


KEPT = {"reused": "Of the reused model, which is kept.", "scratch": "Of the model from scratch, which is kept."}


@pytest.mark.parametrize("kept", ["reused", "scratch"])
def test_all_figures_of_one_model_say_whose_they_are(run: RunFolder, kept: str) -> None:
    about = told(run)
    result = about.result
    assert result is not None and result.test and result.scratch and result.scratch.test
    scratch = replace(result.scratch, test=replace(result.scratch.test, per_class={"0": 0.25, "1": 1.0}))
    test = replace(result.test, per_class={"0": 0.75, "1": 1.0})
    about = replace(about, result=replace(result, test=test, scratch=scratch, kept=kept))
    for make in (errors, per_class, calibration, worst_mistakes):
        section = make(about)
        assert section is not None and section.lead.startswith(KEPT[kept]), section
    section = per_class(about)
    assert section is not None and isinstance(section.blocks[0], Figure)
    assert ("0.2500" in section.blocks[0].svg, "0.7500" in section.blocks[0].svg) == (
        kept == "scratch",
        kept == "reused",
    )
    alone = per_class(replace(about, result=replace(result, test=test, scratch=None, kept="reused")))
    assert alone is not None and alone.lead == "", "there is no other model"


def test_a_run_of_an_earlier_version_says_that_its_classes_are_of_the_other_model(run: RunFolder) -> None:
    about = told(run)
    assert about.result is not None and about.result.scratch is not None
    result = replace(about.result, kept="scratch", scratch=replace(about.result.scratch, test=None))
    section = per_class(replace(about, result=result))
    assert section is not None
    assert section.lead.startswith("Of the reused model, which is not kept: this run, of an earlier version, has no")


def test_the_chosen_phase_is_the_lowest_of_what_could_be_chosen(run: RunFolder) -> None:
    result = told(run).result
    assert result is not None and result.scratch is not None
    control = replace(result.scratch.phases[0], valid_loss=0.125)
    lower = replace(result, kept="reused", scratch=replace(result.scratch, phases=(control,)))
    assert (
        "\n* the lowest validation loss of the phases with reused layers: chosen"
        "\n  from scratch it is lower, 0.1250: only --unfreeze auto would keep that model"
    ) in phases_table(lower)
    section = curves(replace(told(run), result=lower))
    assert section is not None
    assert section.lead.endswith(
        "chosen: the lowest validation loss of the phases with reused layers; "
        "from scratch it is lower, 0.1250: only --unfreeze auto would keep that model."
    )
    higher = replace(lower, scratch=replace(result.scratch, phases=(replace(control, valid_loss=99.0),)))
    for same in (higher, replace(lower, kept="scratch"), replace(lower, scratch=None)):
        assert "\n* the lowest validation loss: chosen" in phases_table(same)
        assert "only --unfreeze auto" not in phases_table(same)


def test_several_labels_are_told_one_by_one(run: RunFolder) -> None:
    outputs, labels = np.array([[1, -1], [1, -1], [-1, -1]]), np.array([[1, 0], [0, 0], [1, 0]])
    about = other(told(run), "multilabel", outputs, labels)
    section = errors(about)
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert table.rows == [["x", "2", "2", "0.5000", "0.5000", "0.5000"], ["y", "0", "0", "–", "–", "–"]]
    assert {"label-by-label", "calibration"} <= set(Page(page(about)).sections)


def test_layers_that_were_measured_are_drawn(run: RunFolder) -> None:
    layers = (LayerHealth("hidden1", 0.1, 1e-3, 0.25, None), LayerHealth("hidden2", 0.01, 1e-3, None, None))
    measured = [EpochRow(1, epoch, 1.0, 1.0, 0.5, layers) for epoch in (1, 2)]
    section = diagnosis(replace(told(run), epochs=measured))
    assert section is not None
    captions = [block.caption for block in section.blocks if isinstance(block, Figure)]
    assert captions == ["Gradient by layer", "Size of a step by that of the weights", "Dead units"]


def test_a_layers_line_stops_where_it_did_not_train(run: RunFolder) -> None:
    both = (LayerHealth("outputs", 0.1), LayerHealth("hidden1", 0.2))
    rows = [EpochRow(phase, epoch, 1.0, 1.0, 0.5, both if phase != 2 else both[:1])
            for phase in (1, 2, 3) for epoch in (1, 2)]  # fmt: skip
    section = diagnosis(replace(told(run), epochs=rows))
    assert section is not None
    figure = next(block for block in section.blocks if isinstance(block, Figure))
    lines = [one for one in ET.fromstring(figure.svg).iter("polyline") if one.find("title") is not None]
    drawn = [(one.findtext("title"), len(one.attrib["points"].split())) for one in lines]
    assert drawn == [("hidden1", 2), ("hidden1", 0), ("hidden1", 2), *[("outputs", 2)] * 3], "from the input up"
    assert {"phase 1", "phase 2", "phase 3"} <= {one.text for one in ET.fromstring(figure.svg).iter("text")}


def test_trouble_in_several_phases_is_told_once(run: RunFolder) -> None:
    about = told(run)
    assert about.result is not None
    dead = Finding("dead", "hidden1", 1, 0.5, "50% of the units are dead", "--batch-norm")
    other = replace(dead, layer="hidden2", message="hidden2 is dead")
    first = about.result.phases[0]
    phases = tuple(replace(first, findings=found) for found in ((dead,), (dead, other), (dead,), (), (other,)))
    result = replace(about.result, phases=phases, scratch=None, best_phase=1)
    section = diagnosis(replace(about, result=result))
    assert section is not None
    assert [block.text for block in section.blocks if isinstance(block, Text)] == [
        "Phases 1 to 3, as in the first: 50% of the units are dead; try --batch-norm.",
        "Phases 2 and 5, as in the first: hidden2 is dead; try --batch-norm.",
    ]
    text = page(replace(about, result=result))
    assert "try <code>--batch-norm</code>." in text, "no line breaks within an option"
    assert "! phases 1 to 3, as in the first: 50% of the units are dead; try --batch-norm" in phases_table(result)


def test_phases_are_told_with_what_trained_and_gained(run: RunFolder) -> None:
    about = told(run)
    assert about.result is not None
    first = replace(about.result.phases[0], valid_loss=1.5e16, train_loss=LARGEST)
    worse = replace(about.result.phases[1], kept=False, gained=False)
    better = replace(about.result.phases[0], reused=("hidden1",), frozen=("hidden1",), kept=False)
    result = replace(about.result, phases=(first, worse, better), best_phase=1, kept="reused")
    rows = phase_rows(replace(about, result=result))
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("1 ✓", "all but hidden1, hidden2", "best so far"),
        ("2", "+ hidden2", "no gain"),
        ("3", "hidden2 anew; all but hidden1", "better"),
        ("scratch", "all layers, fresh", ""),
    ]
    assert rows[0][5:7] == ["no number", "1.5e+16"]
    assert [row[0] for row in phase_rows(replace(about, result=replace(result, kept="scratch")))] == [
        "1", "2", "3", "scratch ✓",
    ]  # fmt: skip


def phase_rows(about: Told) -> list[list[str]]:
    section = curves(about)
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    return [list(row) for row in table.rows]


def test_a_depth_search_before_a_run_is_in_its_report(
    zoo_command: Callable[..., Any], tiny: str, data_file: Path, zoo_home: Path
) -> None:
    quick = ("--epochs", "2", "--lr", "0.02")
    found = zoo_command("search-depth", tiny, "--data", data_file, *quick, "--train", "1", "--json")
    words = ("--reuse", "hidden1", "--unfreeze", "none", "--no-compare-scratch", *quick, "--json")
    after = zoo_command("transfer", tiny, "--data", data_file, *words)
    other = zoo_command("transfer", tiny, "--data", data_file, *words, "--classes", "0,1")
    about = told(RunFolder(zoo_home / "runs" / after["run"]))
    section = depth_search(about)
    assert section is not None
    assert "before the run" in section.lead and "60 samples probed" in section.lead
    table = section.blocks[1]
    assert isinstance(table, Table)
    best = [row[0] for row in table.rows if row[0].endswith(" ✓")]
    assert best == [f"{found['best']} ✓"]
    assert [row[2] for row in table.rows] == [f"{one['probe']:.4f}" for one in found["cuts"]]
    assert sum(row[3] != "–" for row in table.rows) == 1
    assert "depth-search" in Page(page(about)).sections
    assert depth_search(told(RunFolder(zoo_home / "runs" / other["run"]))) is None, "other data"
    (about.folder.path / RECORD).write_text("{")
    with pytest.raises(ZooError, match=r"depths\.json cannot be read: "):
        told(about.folder)


def test_remarks_stand_once_on_the_screen_and_in_a_runs_reports(
    zoo_command: Callable[..., Any], tiny: str, data_file: Path, zoo_home: Path
) -> None:
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--top", "6", "--activation", "selu",
             "--dropout", "0.2", "--epochs", "1", "--unfreeze", "none", "--no-compare-scratch")  # fmt: skip
    remark = "plain dropout undoes what SELU is for, outputs of mean 0 and variance 1"
    screen = zoo_command(*words)
    assert f"\n{remark}; --alpha-dropout keeps it" in screen.partition("LAYER")[0]
    assert screen.count(remark) == 1, "not again at the end"
    (folder,) = (zoo_home / "runs").iterdir()
    assert remark in (folder / "report.md").read_text()
    about = told(RunFolder(folder))
    assert about.result is not None
    assert [one[: len(remark)] for one in about.result.remarks] == [remark]
    assert f"Note: {remark}" in Page(page(about)).text


def test_a_run_of_an_earlier_version_gets_what_there_is(run: RunFolder) -> None:
    for name in (PREDICTIONS, "environment.json"):
        (run.path / name).unlink()
    sections = Page(page(told(run))).sections
    assert {"verdict", "learning-curves", "what-trained-when", "to-repeat-it"} <= set(sections)
    assert not {"calibration", "confusions", "worst-mistakes"} & set(sections)


def test_a_run_that_failed_gets_what_there_is(run: RunFolder) -> None:
    for name in ("result.json", "card.json", PREDICTIONS):
        (run.path / name).unlink()
    run.write("status.json", replace(run.status, state="failed", why="the loss is no number"))
    shown = Page(page(told(run)))
    assert "This run is failed: the loss is no number. Shown is what it came to." in shown.text
    assert [one for one in shown.sections if one != "diagnosis"] == ["what-was-done", "learning-curves", "to-repeat-it"]


@pytest.mark.parametrize("name", ["plan.json", "status.json", "result.json", "card.json", "metrics.jsonl", PREDICTIONS])
def test_a_broken_file_is_named_and_no_page_is_written(run: RunFolder, name: str) -> None:
    (run.path / name).write_bytes(b"{broken\n")
    with pytest.raises(ZooError, match=rf"{re.escape(name)}(: line 1)? cannot be read: "):
        write_page(run)
    assert not (run.path / "report.html").exists()


def test_predictions_that_do_not_fit_are_refused(run: RunFolder) -> None:
    said = read(run.path)
    assert said is not None
    write(run.path, replace(said, labels=said.labels + 7))
    with pytest.raises(ZooError, match=r"predictions\.npz does not fit result\.json: outputs \(45, 3\) and labels"):
        told(run)


def test_the_command(run: RunFolder, zoo_command: Callable[..., Any], tmp_path: Path) -> None:
    assert zoo_command("report", "last").strip() == str(run.path / "report.html")
    assert zoo_command("report", run.id[:12], "--json", "--output", tmp_path / "a.html") == {
        "path": str(tmp_path / "a.html")
    }
    assert (tmp_path / "a.html").read_bytes() == (run.path / "report.html").read_bytes()
    zoo_command("report", "none-such", code=1)
    assert "no run is named 'none-such'" in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("report", "last", "--output", tmp_path / "no" / "a.html", code=1)
    assert f"cannot write {tmp_path / 'no' / 'a.html'}: No such file or directory" in zoo_command.err  # type: ignore[attr-defined]


def test_the_command_needs_no_tensorflow(run: RunFolder) -> None:
    program = (
        "import sys; from zoo.app import run; code = run(['report', 'last']);"
        "print([name for name in ('tensorflow', 'keras', 'h5py') if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_results_and_epochs_are_whole(run: RunFolder) -> None:
    about = told(run)
    assert isinstance(about.result, Result)
    assert all(isinstance(row, EpochRow) for row in about.epochs)
    assert about.environment is not None and about.environment.packages["keras"]
