"""Every command of `docs/data.md` is run, in order, on scikit-learn's digits and iris, and prints what the page shows.

How a page is read: `tests/pages.py`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer
from made_tables import real, write
from pages import BLOCK, folded, pattern, steps
from real_data import digit_folder, digit_table, digits, publish_nets, save

from zoo.app import run
from zoo.commands import data, transfer, using

TEXT = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
STEPS = tuple(steps(TEXT))


def fill(folder: Path) -> None:
    """Make the page's data, and the nets in this home's catalogue."""
    publish_nets(folder.parent / "nets")
    digit_folder(folder / "digits")
    for split, skip in {"train": 0, "test": 20}.items():
        digit_folder(folder / "parted" / split, 20, 5, skip)
    digit_folder(folder / "new", 2, 3, skip=40)
    digit_table(folder / "listed")
    digit_folder(folder / "odd", 6, 3)
    (folder / "odd" / "1" / "notes.txt").write_text("the scanner was dirty\n")
    write(real("iris"), folder / "iris.csv")
    x, y = digits()
    np.savez(folder / "digits.npz", images=np.repeat(x[..., None], 3, axis=-1), labels=y)
    for number, pixels in enumerate(x[:3]):
        save(np.pad(pixels, ((0, 0), (0, 8 * number))), folder / "wide" / f"{number}.png")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands are typed in."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("ZOO_HOME", str(work / "zoo"))
    fill(work)
    monkeypatch.chdir(work)
    return work


def test_only_commands_are_marked_as_such() -> None:
    assert TEXT.count("\n$ ") == len(STEPS) > 15
    assert TEXT.count("\n```") == 2 * len(BLOCK.findall(TEXT)), "a block has no language"


def test_every_option_of_data_is_on_the_page() -> None:
    app = typer.Typer()
    for group in (data, transfer, using):
        group.mount(app)
    commands = typer.main.get_group(app).commands
    asked = {option for command in ("evaluate", "predict") for option in _options(commands[command])}
    asked |= _options(commands["data"].commands["inspect"]) | {"--augment", "--views"}
    assert [option for option in sorted(asked - {"--help", "--json"}) if f"`{option}" not in TEXT] == []


def _options(command: object) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


def test_the_walk(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in STEPS:
        capsys.readouterr()
        code = run(shlex.split(step.command)[1:])
        out, err = capsys.readouterr()
        where = f"docs/data.md:{step.line}: {step.command}\n{out}{err}"
        refused = step.shown[:1] != () and step.shown[0].startswith("error:")
        assert code in ((1, 2) if refused else (0,)), where
        assert not step.shown or re.fullmatch(pattern(step.shown), folded(err if refused else out)), where
