"""Runs that are killed, and gone on with: the process is real, and so is the kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from registry.errors import ZooError
from transfer.runs import RunFolder, Runs
from transfer.safetensors_file import read
from zoo.app import run

CHOICES = {"reuse": "hidden[123]", "epochs": 6, "limit_per_class": 20, "batch_size": 10, "lr": 0.003}
KILLED = """
import os, signal, sys
import transfer.fitting.fit
import zoo

transfer.fitting.fit.SHOW_SECONDS = 0  # every epoch is a call of its own
transfer.fitting.fit.SAVE_SECONDS = float(sys.argv[3])

def watch(stage, done, total, note=""):
    if stage.startswith(sys.argv[1]) and done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

zoo.transfer("mnist-dnn", watch=watch, **{choices})
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def whole(home: Path) -> RunFolder:
    """A run that was not interrupted."""
    before = os.environ.get("ZOO_HOME")
    os.environ["ZOO_HOME"] = str(home)
    try:
        return zoo.transfer("mnist-dnn", **CHOICES).folder  # type: ignore[arg-type]
    finally:
        os.environ.pop("ZOO_HOME") if before is None else os.environ.update(ZOO_HOME=before)


@pytest.fixture(autouse=True)
def _here(home: Path, whole: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(home))


def killed(home: Path, stage: str, at: int = 3, save_seconds: float = 0.0) -> RunFolder:
    script = KILLED.replace("{choices}", repr(CHOICES))
    command = [sys.executable, "-c", script, stage, str(at), str(save_seconds)]
    done = subprocess.run(command, env={**os.environ, "ZOO_HOME": str(home)}, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    folder = Runs(home / "runs").find("last")
    assert folder.status.state == "interrupted"
    return folder


def same(first: RunFolder, second: RunFolder) -> None:
    ours, theirs = read(first.path / "model.safetensors"), read(second.path / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours), "byte for byte"
    figures = [
        [(p.train, p.frozen, p.epochs, p.best_epoch, p.train_loss, p.valid_loss, p.kept) for p in one.result.phases]
        for one in (first, second)
    ]
    assert figures[0] == figures[1]
    assert first.result.scratch is not None and second.result.scratch is not None
    assert first.result.scratch.test_accuracy == second.result.scratch.test_accuracy
    assert first.epochs() == second.epochs()


@pytest.mark.parametrize("stage", ["extract", "phase 1", "phase 2", "phase 3", "from scratch"])
def test_a_run_killed_in_any_phase_ends_as_if_it_had_not_been(home: Path, whole: RunFolder, stage: str) -> None:
    if stage == "extract":
        for shard in (home / "cache").glob("*/*.h5"):
            shard.unlink()
    folder = killed(home, stage, at=1 if stage == "extract" else 3)
    resumed = zoo.resume(folder.id)
    assert resumed.folder.path == folder.path
    assert folder.status.state == "done"
    same(whole, folder)


def test_a_phase_of_which_nothing_was_saved_yet_begins_again(home: Path, whole: RunFolder) -> None:
    folder = killed(home, "phase 2", save_seconds=1e9)
    assert not (folder.path / "phases" / "unfinished.safetensors").exists()
    zoo.resume(folder.id)
    same(whole, folder)


def test_resume_by_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = killed(home, "phase 1")
    assert run(["resume", folder.id[:-1] if folder.id.endswith("2") else folder.id]) == 0
    assert "reuse" in capsys.readouterr().out


def test_a_run_that_is_done_is_not_resumed(whole: RunFolder) -> None:
    with pytest.raises(ZooError) as caught:
        zoo.resume(whole.id)
    assert caught.value.message == f"the run {whole.id} is done: there is nothing to resume"
    assert caught.value.hint == "zoo replay does it all again"


def test_changed_data_are_not_gone_on_with(home: Path) -> None:
    folder = killed(home, "phase 1")
    status = folder.status
    folder.write("status.json", type(status)(**{**vars(status), "fingerprint": "0" * 64}))
    with pytest.raises(ZooError, match=r"have changed since the run .* began"):
        zoo.resume(folder.id)


def test_broken_checkpoints_are_said_so(home: Path) -> None:
    folder = killed(home, "phase 2")
    path = folder.path / "phases" / "1.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ZooError) as caught:
        zoo.resume(folder.id)
    assert "1.safetensors cannot be read" in caught.value.message
    assert "zoo replay" in (caught.value.hint or "")


def test_replay_comes_out_the_same(whole: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", whole.id]) == 0
    assert "the same to the last bit: every phase, every figure, every weight" in capsys.readouterr().out


def test_replay_says_what_came_out_otherwise(whole: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    kept = whole.result
    path = whole.path / "result.json"
    before = path.read_bytes()
    worse = type(kept)(**{**vars(kept), "test_accuracy": 0.5})
    whole.write("result.json", worse)
    try:
        assert run(["replay", whole.id]) == 1
    finally:
        path.write_bytes(before)
    assert f"test accuracy 0.5, now {kept.test_accuracy}" in capsys.readouterr().err
