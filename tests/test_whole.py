"""Files that appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from registry.whole import settled, whole

SETTLE = """
import os, sys, time
from pathlib import Path
from registry.whole import settled
folder = Path(sys.argv[1])
(folder / f"ready-{os.getpid()}").touch()
while len(list(folder.glob("ready-*"))) < 6:
    time.sleep(0.001)
print(settled(folder / "file", str(os.getpid()).encode()).decode())
"""


def test_processes_that_settle_a_file_at_once_agree(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", SETTLE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in started]
    assert len(set(said)) == 1
    assert (tmp_path / "file").read_text() == said[0]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("ready-")] == ["file"]


def test_what_is_settled_stays(tmp_path: Path) -> None:
    assert settled(tmp_path / "file", b"one") == b"one"
    assert settled(tmp_path / "file", b"other") == b"one"


def test_two_who_write_a_file_at_once_have_a_place_each(tmp_path: Path) -> None:
    both = Barrier(2)

    def write(text: str) -> None:
        with whole(tmp_path / "file") as temporary:
            temporary.write_text(text * 1000)
            both.wait(10)
            assert temporary.read_text() == text * 1000

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, "ab"))
    assert (tmp_path / "file").read_text() in ("a" * 1000, "b" * 1000)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyError), whole(tmp_path / "file") as temporary:
        temporary.write_text("new")
        raise KeyError
    assert (tmp_path / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
