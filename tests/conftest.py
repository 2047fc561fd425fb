"""Fixtures: an own home for every test, a small data set, small real models."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.catalogue import own_sqlite  # noqa: F401  before any test module imports TensorFlow, and then sqlite3

pytest_plugins = ["services", "real_data"]

SHIPPED = ["efficientnet-lite0", "mnist-dnn", "mnist-pairs", "squeezenet"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(autouse=True)
def zoo_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test's state in its own folder."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZOO_HOME", str(home))
    return home


def blobs(n: int, classes: int = 3, width: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw points `(n, width) float32` around one centre a class, and their classes `(n,) int64`."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = np.random.default_rng(99).normal(size=(classes, width)) * 2
    return (centres[y] + random.normal(size=(n, width))).astype(np.float32), y.astype(np.int64)


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    """A three-class data set with all splits."""
    arrays = {}
    for number, (name, n) in enumerate({"train": 60, "valid": 30, "test": 45}.items()):
        arrays[f"x_{name}"], arrays[f"y_{name}"] = blobs(n, seed=number)
    path = tmp_path / "blobs.npz"
    np.savez(path, **arrays)
    return path


def chain(units: tuple[int, ...] = (7, 6, 5), outputs: int = 4, width: int = 8, activation: str = "elu") -> Any:
    """A dense net with the textbook's names: `X`, `hidden1` …, `outputs`."""
    import keras

    x = tensor = keras.Input((width,), name="X")
    for number, size in enumerate(units, start=1):
        layer = keras.layers.Dense(
            size, activation, name=f"hidden{number}", kernel_initializer=keras.initializers.HeNormal(number)
        )
        tensor = layer(tensor)
    logits = keras.layers.Dense(outputs, name="outputs", kernel_initializer=keras.initializers.GlorotUniform(9))
    return keras.Model(x, logits(tensor))


@pytest.fixture
def chain_file(tmp_path: Path) -> Path:
    """The dense net as a Keras file."""
    path = tmp_path / "chain.keras"
    chain().save(path)
    return path


class Command:
    """Runs `zoo` in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> Any:
        from zoo.app import run

        self._capsys.readouterr()
        got = run([str(argument) for argument in arguments])
        shown = self._capsys.readouterr()
        self.out, self.err = shown.out, shown.err
        assert got == code, f"exit {got}, expected {code}\n{shown.out}\n{shown.err}"
        if "--json" in arguments:
            import json

            return json.loads(shown.out)
        return shown.out


@pytest.fixture
def zoo_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command line; returns its output, or the document under `--json`."""
    return Command(capsys)


@pytest.fixture(scope="session")
def home_with_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose catalogue holds the small dense net as `tiny`; copied, never used."""
    from registry.home import Home
    from registry.shelf import Shelf
    from registry.spot import Spot
    from transfer.draft import draft

    folder = tmp_path_factory.mktemp("tiny")
    card = replace(draft(chain(), folder / "model.keras", blobs(16)[0]), name="tiny")
    home = tmp_path_factory.mktemp("home")
    Shelf(Home(home)).publish(card, folder, Spot("tiny"))
    return home


@pytest.fixture
def tiny(home_with_tiny: Path, zoo_home: Path) -> str:
    """The small dense net in this test's catalogue."""
    shutil.copytree(home_with_tiny, zoo_home)
    return "tiny"
