from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.workspace import Workspaces

PROGRAM = """
import sys, time
from pathlib import Path
from registry.workspace import Workspaces
with Workspaces(Path(sys.argv[1])).new() as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process at work below the same root."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def place(process: subprocess.Popen[str]) -> Path:
    assert process.stdout
    return Path(process.stdout.readline().strip())


def test_a_work_folder_is_empty_and_goes_away(tmp_path: Path) -> None:
    work = Workspaces(tmp_path)
    with work.new() as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["gate.lock"]


def test_what_a_living_process_does_is_left_alone(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    folder = place(other)
    assert Workspaces(tmp_path).sweep() == 0
    assert (folder / "half").exists()


def test_what_a_killed_process_left_is_removed(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    folder = place(other)
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert folder.exists()
    assert Workspaces(tmp_path).sweep() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["gate.lock"]


def test_sweeping_what_is_not_there(tmp_path: Path) -> None:
    assert Workspaces(tmp_path / "none").sweep() == 0
    assert not (tmp_path / "none").exists()
