"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import transfer.fitting.fit
import zoo
from registry.errors import ChoiceError, ZooError
from registry.home import home
from transfer.board import BOARD
from transfer.checkpoints import Checkpoints
from transfer.events import recorded
from transfer.fitting.fitted import Epoch
from transfer.fitting.schedules import at_epoch
from transfer.plan.hyperparameters import Training
from transfer.runs import RunFolder, Runs

OPTIONS: dict[str, Any] = {"reuse": "hidden[12]", "unfreeze": "hidden2", "epochs": 3, "batch_size": 20}


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read all that TensorBoard would show of a folder, by tag."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def values(folder: Path, tag: str) -> list[float]:
    return [value for _, value in scalars(folder)[tag]]


def test_every_phase_and_the_control_are_there_as_recorded(tiny: str, data_file: Path, tmp_path: Path) -> None:
    board = tmp_path / "board"
    run = zoo.transfer(tiny, str(data_file), tensorboard=board, schedule="cosine", **OPTIONS)
    folders = {path.name: path for path in (board / run.folder.id).iterdir()}
    assert set(folders) == {"phase1", "phase2", "scratch"}
    rows = run.folder.epochs()
    for number, name in enumerate(("scratch", "phase1", "phase2")):
        of = [row for row in rows if row.phase == number]
        assert values(folders[name], "loss/train") == pytest.approx([row.train_loss for row in of])
        assert values(folders[name], "loss/valid") == pytest.approx([row.valid_loss for row in of])
        assert values(folders[name], "accuracy/valid") == pytest.approx([row.valid_accuracy for row in of])
        for layer in of[0].layers:
            measured = [one.gradient for row in of for one in row.layers if one.scope == layer.scope]
            assert values(folders[name], f"gradient/{layer.scope}") == pytest.approx(measured)
    rates = [at_epoch(Training(epochs=3, schedule="cosine"), 1e-3, 3, epoch) for epoch in (1, 2, 3)]
    assert values(folders["phase1"], "learning_rate") == pytest.approx(rates)
    assert rates[0] > rates[1] > rates[2] > 0


def test_the_steps_of_a_phase_go_on_from_those_before_it(tiny: str, data_file: Path, tmp_path: Path) -> None:
    run = zoo.transfer(tiny, str(data_file), tensorboard=tmp_path, compare_scratch=False, **OPTIONS)
    first, second = (scalars(tmp_path / run.folder.id / name)["loss/train"] for name in ("phase1", "phase2"))
    assert [step for step, _ in (*first, *second)] == [1, 2, 3, 4, 5, 6]


def test_several_seeds_have_a_folder_each_and_the_command_says_how_to_look(
    tiny: str, data_file: Path, tmp_path: Path, zoo_command: Any
) -> None:
    board = tmp_path / "my board"
    options = ("--reuse", "hidden[12]", "--data", data_file, "--unfreeze", "none", "--epochs", 2, "--seeds", 2)
    text = zoo_command("transfer", tiny, *options, "--tensorboard", board)
    assert {path.name for path in board.iterdir()} == {run.id for run in Runs(home().runs).all()}
    assert f"\nboard   tensorboard --logdir '{board}'\n" in text
    assert "board " not in zoo_command("transfer", tiny, *options)


@pytest.mark.parametrize("phase", [1, 2])
def test_a_resumed_run_writes_no_step_twice(
    phase: int, tiny: str, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped in a phase, right after its state was saved; and goes on in the same folder by itself."""
    whole = zoo.transfer(tiny, str(data_file), tensorboard=tmp_path / "a", **OPTIONS)
    save = Checkpoints.save

    def stop(self: Checkpoints, number: int, state: Any) -> None:
        save(self, number, state)
        if number == phase and int(state["epoch"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", stop)
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        zoo.transfer(tiny, str(data_file), tensorboard=tmp_path / "b", **OPTIONS)
    monkeypatch.setattr(Checkpoints, "save", save)
    run = zoo.resume("last")
    for name in ("phase1", "phase2", "scratch"):
        again = scalars(tmp_path / "b" / run.folder.id / name)
        assert again == scalars(tmp_path / "a" / whole.folder.id / name)
        steps = [step for step, _ in again["loss/train"]]
        assert steps == list(range(steps[0], steps[0] + len(steps)))


def test_epochs_that_are_told_again_are_written_once(tmp_path: Path) -> None:
    run = noted(tmp_path, tmp_path / "board")
    epochs = [Epoch(1.0, 2.0, 0.5), Epoch(float("nan"), 1.0, 0.6), Epoch(0.5, 0.5, 0.7)]
    with recorded(run, 0, "R2", lambda epoch: epoch / 10) as told:
        assert told is not None
        for upto in (1, 1, 3):
            told(epochs[:upto])
    found = scalars(tmp_path / "board" / "run" / "scratch")
    assert [step for step, _ in found["loss/train"]] == [1, 2, 3]
    assert [value for _, value in found["R2/valid"]] == pytest.approx([0.5, 0.6, 0.7])
    assert [value for _, value in found["learning_rate"]] == pytest.approx([0.1, 0.2, 0.3])


def noted(tmp_path: Path, folder: Path) -> RunFolder:
    from transfer.board import note_board

    (tmp_path / "run").mkdir()
    run = RunFolder(tmp_path / "run")
    note_board(run, folder)
    return run


def test_what_cannot_be_written_or_read_is_said(tiny: str, data_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ChoiceError, match=r"--tensorboard takes a folder; .*blobs.npz is a file") as caught:
        zoo.transfer(tiny, str(data_file), tensorboard=data_file, **OPTIONS)
    assert caught.value.hint == "name another, or a new one"
    run = noted(tmp_path, data_file / "below")
    written = pytest.raises(ZooError, match=r"cannot write .*events.out.tfevents.zoo: Not a directory")
    with written as refused, recorded(run, 1, "accuracy", float):
        pass
    assert refused.value.hint == "name another folder in --tensorboard"
    (run.path / BOARD).write_text("{", encoding="utf-8")
    with pytest.raises(ZooError, match=r"tensorboard.json cannot be read: ") as broken, recorded(run, 1, "R2", float):
        pass
    assert broken.value.hint == "remove it, and no more event files are written"
