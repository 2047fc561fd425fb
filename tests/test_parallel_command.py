"""Runs whose later phases are trained by the workers of a Ray cluster, as people start them. The kills are real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs

import zoo
from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot
from transfer.cluster.connecting import imported
from transfer.draft import draft
from transfer.runs import RunFolder, Runs
from transfer.safetensors_file import read

CHOICES: dict[str, Any] = {
    "reuse": "hidden[12]", "unfreeze": "hidden2", "epochs": 6, "batch_size": 13, "lr": 0.003, "compare_scratch": False,
}  # fmt: skip
OPTIONS = ["--reuse", "hidden[12]", "--unfreeze", "hidden2", "--epochs", "6", "--batch-size", "13", "--lr", "0.003",
           "--no-compare-scratch"]  # fmt: skip
ENGINE = ["--engine", "ray", "--workers", "2"]
# Kills, in phase 2 after two epochs, a worker (argument `worker`) or the process itself.
KILLING = """
import os, signal, sys
import transfer.fitting.fit
from transfer.cluster.parallel_loop import ParallelLoop
from zoo.app import run

transfer.fitting.fit.SHOW_SECONDS = transfer.fitting.fit.SAVE_SECONDS = 0.0
advance, killed = ParallelLoop.advance, []

def advanced(self, many):
    advance(self, many)
    if len(self.epochs) == 3 and not killed:
        killed.append(self._crew.processes[1] if sys.argv[1] == "worker" else os.getpid())
        print(*self._crew.processes, file=sys.stderr)
        os.kill(killed[0], signal.SIGKILL)

ParallelLoop.advance = advanced
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture
def whole(tiny: str, data_file: Path) -> RunFolder:
    """The run as this process does it alone."""
    return zoo.transfer(tiny, str(data_file), **CHOICES).folder


def begun(whom: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLING, whom, *map(str, words)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def alike(one: RunFolder, other: RunFolder) -> None:
    first, second = one.result, other.result
    assert [phase.train for phase in first.phases] == [phase.train for phase in second.phases]
    for before, after in zip(one.epochs(), other.epochs(), strict=True):
        assert (before.phase, before.epoch) == (after.phase, after.epoch)
        assert before.train_loss == pytest.approx(after.train_loss, rel=1e-4)
        assert before.valid_loss == pytest.approx(after.valid_loss, rel=1e-4)
        assert [layer.scope for layer in before.layers] == [layer.scope for layer in after.layers]
    assert first.accuracy == second.accuracy
    ours, theirs = read(one.path / "model.safetensors"), read(other.path / "model.safetensors")
    assert all(np.allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-4) for name in ours)


def own_words(text: str) -> list[str]:
    """Return what a command says on standard error beside TensorFlow's own words."""
    lines = [line for line in text.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(("WARNING: All log messages before absl", "I0000", "E0000"))]


def test_a_run_with_a_killed_worker(tiny: str, data_file: Path, zoo_home: Path, whole: RunFolder) -> None:
    done = begun("worker", "transfer", tiny, "--data", data_file, *OPTIONS, *ENGINE, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)  # and Ray says nothing there
    processes, *other = own_words(done.stderr)
    assert not other
    alike(whole, Runs(zoo_home / "runs").find(document["run"]))
    gone(processes)


def test_a_run_that_is_killed_in_a_cluster_goes_on_here(
    tiny: str, data_file: Path, zoo_home: Path, whole: RunFolder
) -> None:
    done = begun("all", "transfer", tiny, "--data", data_file, *OPTIONS, *ENGINE)
    assert done.returncode == -signal.SIGKILL, done.stderr
    gone(own_words(done.stderr)[0])
    folder = Runs(zoo_home / "runs").find("last")
    assert folder.status.state == "interrupted"
    assert (folder.path / "phases" / "unfinished.safetensors").exists()
    zoo.resume(folder.id)
    alike(whole, folder)


@pytest.fixture
def cluster() -> Iterator[None]:
    ray = imported()
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_what_cannot_be_shared_out_is_trained_here_and_said_so(
    cluster: None, tmp_path: Path, zoo_home: Path, data_file: Path
) -> None:
    x = keras.Input((8,), name="X")
    tensor = keras.layers.Dense(6, "elu", name="hidden1")(x)
    tensor = keras.layers.Dense(6, "elu", name="hidden2", activity_regularizer="l2")(tensor)
    model = keras.Model(x, keras.layers.Dense(4, name="outputs")(tensor))
    card = replace(draft(model, tmp_path / "model.keras", blobs(16)[0]), name="penal")
    Shelf(Home(zoo_home)).publish(card, tmp_path, Spot("penal"))
    run = zoo.transfer("penal", str(data_file), engine="ray", workers=2, **CHOICES)
    assert "phase 2 was trained in one process: hidden2 has a penalty on its outputs" in run.result.remarks
    assert len(run.result.phases) == 2


def gone(processes: str) -> None:
    """Wait until processes have ended."""
    import time

    for _ in range(100):
        if not any(Path(f"/proc/{process}").exists() for process in processes.split()):
            return
        time.sleep(0.1)
    raise AssertionError(f"some of {processes} are alive")
