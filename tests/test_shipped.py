"""The models that ship: their cards are true, and the default command does what the README says."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SHIPPED

from registry.blobs import entry_of
from registry.card import decode, encode
from registry.shelf import Shelf
from zoo.opening import open_model

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "models" / "mnist-dnn"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_is_true_of_the_files(name: str) -> None:
    folder = FOLDER.parent / name
    text = (folder / "zoo.json").read_bytes()
    card = decode(text)
    assert encode(card) == text
    there = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "zoo.json")
    assert [file.path for file in card.files] == [path for path in there if not path.endswith(".py")]
    stale = [file.path for file in card.files if file != entry_of(folder, file.path)]
    assert not stale, f"{stale} changed: run python models/describe.py {name}"


def test_the_model_computes_the_stored_outputs_and_has_the_cards_layers() -> None:
    shelf = Shelf()
    model = shelf.find("mnist-dnn")
    backbone = open_model(shelf, model)
    assert backbone.layers == model.card.layers
    stored = np.load(FOLDER / "test.npz")
    assert np.allclose(backbone.model(stored["inputs"]), stored["outputs"], atol=1e-4)
    assert [layer.name for layer in backbone.layers] == ["X", *(f"hidden{n}" for n in range(1, 6)), "outputs"]
    assert {layer.type for layer in backbone.layers} == {"InputLayer", "Dense"}


def test_the_checkpoint_is_the_textbooks() -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        saver = tf.compat.v1.train.import_meta_graph(str(FOLDER / "model.ckpt.meta"))
        names = {operation.name for operation in graph.get_operations()}
        assert {"X", "y", "dnn/hidden1/MatMul", "dnn/outputs/BiasAdd", "loss/loss", "eval/accuracy"} <= names
        assert graph.get_collection("my_important_ops")
        trainable = [v.op.name for v in tf.compat.v1.trainable_variables(scope="hidden[34]|outputs")]
        assert trainable == [
            f"{scope}/{kind}" for scope in ("hidden3", "hidden4", "outputs") for kind in ("kernel", "bias")
        ]
        with tf.compat.v1.Session() as session:
            saver.restore(session, str(FOLDER / "model.ckpt"))
            stored = np.load(FOLDER / "test.npz")
            outputs = session.run("dnn/outputs/BiasAdd:0", {"X:0": stored["inputs"]})
    assert np.allclose(outputs, stored["outputs"], atol=1e-5)


def test_the_shipped_task() -> None:
    path = FOLDER / "digits-5-9.npz"
    assert path.stat().st_size < 1_000_000
    data = np.load(path)
    counts = {name: np.unique(data[f"y_{name}"], return_counts=True) for name in ("train", "valid", "test")}
    assert all(labels.tolist() == [5, 6, 7, 8, 9] for labels, _ in counts.values())
    assert [set(n.tolist()) for _, n in (counts["train"], counts["valid"])] == [{100}, {30}]
    assert len(data["y_test"]) == 4861
    assert data["x_test"].shape == (4861, 28, 28)
    assert data["x_test"].dtype == np.uint8


def test_the_default_command(zoo_command: Callable[..., Any]) -> None:
    document = zoo_command("transfer", "mnist-dnn", "--reuse", "hidden[123]", "--json")
    assert document["cut"] == ["hidden3"]
    assert document["test_accuracy"] > 0.92
    assert document["test_accuracy_ci95"][0] > document["scratch"]["test_accuracy"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout by way of its source distribution."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, ROOT], check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


def test_models_travel_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"registry/shipped/mnist-dnn/{path.name}" for path in FOLDER.iterdir() if path.is_file()}
    assert shipped <= names
    assert not {name for name in names if name.startswith(("models/", "tests/"))}


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    program = (
        "import sys, zoo; assert zoo.__file__.startswith(sys.argv[1]);"
        "from zoo.app import run; sys.exit(run(sys.argv[2:]))"
    )

    def zoo(*words: str) -> str:
        command = [sys.executable, "-c", program, str(target), *words]
        done = subprocess.run(command, cwd=tmp_path, env=_environment(target, tmp_path), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "mnist-dnn" in zoo("list", "-q")
    quick = ("--epochs", "2", "--unfreeze", "none", "--no-compare-scratch")
    assert "test" in zoo("transfer", "mnist-dnn", "--reuse", "hidden[123]", *quick).lower()


def _environment(site: Path, home: Path) -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": str(site), "ZOO_HOME": str(home / "zoo-home")}
