"""The hostile corpus: every file is refused in one line that says why, nothing is stored, nothing is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import pytest
from hostile_seeds import SEEDS

Zoo = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, hostile.Hostile]:
    return {one.name: one for one in hostile.corpus(folder)}


@pytest.fixture(scope="module")
def home(folder: Path, files: object) -> Path:
    """A home with the architectures that the files of weights go into; what is refused leaves it as it is."""
    from zoo.app import run

    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        for name in ("architecture", "lone"):
            assert run(["import", str(folder / f"{name}.keras"), "--as", name, "-q"]) == 0
        for name in ("torch-zip", "npy"):  # so that the architectures are checked out, which is what a cache keeps
            path = folder / name / hostile.SOUND / SEEDS[name].name
            assert run(["import", str(path), "--as", "x", "--dry-run", *SEEDS[name].words]) == 0
    return home


@pytest.fixture(autouse=True)
def at_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.chdir(tmp_path)


def test_the_corpus_is_of_every_format() -> None:
    counts = Counter(case.seed for case in hostile.CASES.values())
    assert len(hostile.CASES) >= 100
    assert set(counts) == set(SEEDS) and min(counts.values()) >= 4


@pytest.mark.parametrize("name", SEEDS)
def test_the_sound_file_is_imported(name: str, folder: Path, home: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """So a refusal is due to the damage."""
    from zoo.app import run

    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    seed = SEEDS[name]
    assert run(["import", str(folder / name / hostile.SOUND / seed.name), "--as", "x", "-q", *seed.words]) == 0


@pytest.mark.parametrize("name", hostile.CASES)
def test_it_is_refused_in_one_line(
    name: str, files: dict[str, hostile.Hostile], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo.app import run

    one, before = files[name], kept(home)
    capsys.readouterr()
    code, shown = run(["import", str(one.path), "--as", "x", *one.words]), capsys.readouterr()
    if code == 0:  # the other tests need the home as it was
        run(["rm", "x", "--yes"])
    assert code in (1, 2)
    lines = [line for line in shown.err.splitlines() if line.strip()]
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"], shown.err
    assert re.search(one.message, lines[0]), lines[0]
    assert one.path.parent.name in lines[0] and "unexpected" not in lines[0]
    assert len(lines[0]) < 700 and not shown.out
    assert kept(home) == before and run(["list", "--source", "local", "-q"]) == 0
    assert capsys.readouterr().out.split() == ["architecture", "lone"]
    assert not list(tmp_path.rglob("pwned")) and not list(one.path.parent.rglob("pwned"))


def kept(home: Path) -> dict[str, int]:
    """Return the files of a home with their sizes, but for what SQLite and the locks leave for themselves."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return {str(path.relative_to(home)): path.stat().st_size for path in files if not path.name.endswith(PASSING)}


PASSING = ("-wal", "-shm", ".lock")


FILES = 12  # damaged files a format; `python tests/hostile_fuzz.py` makes thousands
GIGABYTES_2, SECONDS = 2048, 10


@pytest.mark.parametrize("name", SEEDS)
def test_random_damage_is_refused_or_harmless(name: str, folder: Path, files: object) -> None:
    """In a process of its own, which shows what it takes, and whether anything takes the process with it."""
    script = Path(hostile.__file__).with_name("hostile_fuzz.py")
    command = [sys.executable, str(script), name, str(folder / name / hostile.SOUND), str(FILES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["broken"] == {} and report["read"] + report["refused"] == FILES
    assert report["refused"] > 0
    assert report["seconds"] < SECONDS and report["megabytes"] < GIGABYTES_2
