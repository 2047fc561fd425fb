"""Every command of `docs/import.md` is run on the genuine files that it names, and prints what the page shows.

How a page is read: `tests/pages.py`. A section is a test of its own: its commands run in order in an own home and
folder, in which the packages' folders lie. Then every model that it made goes through a transfer whose cut lies in the
model's middle.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from packages import package
from pages import BLOCK, folded, pattern, steps

import zoo
from registry.card import Card, LayerInfo, TensorSpec
from zoo.app import run
from zoo.commands import importing

TEXT = (Path(__file__).parents[1] / "docs" / "import.md").read_text(encoding="utf-8")
PACKAGES = {
    name: f"{'npm:' if npm else ''}{package}{'@' if npm else '=='}{version}"
    for name, npm, package, version in re.findall(r"^\| `((npm-)?([a-z0-9-]+)-(\d[\d.]*))` \|", TEXT, re.M)
}
SIZE = 64  # of an axis that the model leaves open


@dataclass(frozen=True)
class Section:
    """A part of the page: its title, and at which line it begins."""

    title: str
    line: int
    text: str


def sections() -> Iterator[Section]:
    for found in re.finditer(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S):
        yield Section(found[1], TEXT.count("\n", 0, found.start(2)), found[2])


SECTIONS = [section for section in sections() if list(steps(section.text))]


def test_only_commands_are_marked_as_such() -> None:
    shown = [step for section in SECTIONS for step in steps(section.text, section.line)]
    assert TEXT.count("\n$ ") == sum(not step.title for step in shown) > 20
    assert TEXT.count("\n```") == 2 * len(BLOCK.findall(TEXT)), "a block has no language"


def test_every_option_is_shown() -> None:
    app = typer.Typer()
    importing.mount(app)
    command = next(one for one in typer.main.get_group(app).commands.values() if one.name == "import")
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert [name for name in sorted(options - {"--help"}) if f"{name}" not in TEXT] == []


@pytest.mark.parametrize("section", SECTIONS, ids=[section.title for section in SECTIONS])
def test_the_commands_of(
    section: Section,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "models").symlink_to(Path(__file__).parents[1] / "models")
    for name in PACKAGES:
        if name in section.text:
            (folder / name).symlink_to(package(request, PACKAGES[name]))
    for step in steps(section.text, section.line):
        if step.title:
            Path(step.title).write_text("\n".join(step.shown) + "\n", encoding="utf-8")
            continue
        code, out, err = carried_out(shlex.split(step.command), capsys)
        where = f"docs/import.md:{step.line}: {step.command}\n{out}{err}"
        refused = step.shown[:1] != () and step.shown[0].startswith("error:")
        assert code == int(refused), where
        assert not step.shown or re.fullmatch(pattern(step.shown), folded(err if refused else out)), where
    for model in zoo.list(source="local"):
        goes_through_a_transfer(model.name, folder)


def carried_out(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    if words[0] == "zoo":
        capsys.readouterr()
        return run(words[1:]), *capsys.readouterr()
    assert words[0] == "python", f"the test runs no program {words[0]!r}"
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def goes_through_a_transfer(name: str, folder: Path) -> None:
    """Keep the lower half of a model's layers, and train a top on them."""
    card = zoo.show(name).card
    if not card.layers:  # kept as it came
        return
    kept = lower_half(card.layers)
    data = folder / f"{name}.npz"
    np.savez(data, **samples(card))
    done = zoo.transfer(
        name,
        str(data),
        reuse="|".join(map(re.escape, kept)),
        unfreeze="none",
        epochs=1,
        top=(8,),
        compare_scratch=False,
    )
    assert set(done.result.reused) >= set(kept)
    assert done.result.phases[0].cut and not {spec.name for spec in card.inputs}.issuperset(done.result.phases[0].cut)


def lower_half(layers: tuple[LayerInfo, ...]) -> list[str]:
    weighted = [layer.name for layer in layers if layer.parameters]
    return weighted[: max(1, len(weighted) // 2)]


def samples(card: Card) -> dict[str, Any]:
    """Return two classes of random samples for each of a model's inputs."""
    draws = np.random.default_rng(0)
    keys = {"x": card.inputs[0]} if len(card.inputs) == 1 else {f"x.{spec.name}": spec for spec in card.inputs}
    arrays: dict[str, Any] = {key: drawn(spec, draws) for key, spec in keys.items()}
    return arrays | {"y": np.arange(12) % 2}


def drawn(spec: TensorSpec, draws: np.random.Generator) -> Any:
    shape = (12, *(size or SIZE for size in spec.shape[1:]))
    return draws.integers(0, 4, shape) if spec.dtype.startswith("int") else draws.random(shape, np.float32)
