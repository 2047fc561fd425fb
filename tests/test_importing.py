"""`zoo import` and `zoo add` from the command line: what is printed, stored and refused, whatever the format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo

Zoo = Callable[..., Any]


@pytest.fixture
def arrays_file(chain_file: Path, tmp_path: Path) -> Path:
    """The weights of the small dense net alone, times two."""
    model = keras.saving.load_model(chain_file)
    path = tmp_path / "arrays.npz"
    np.savez(path, **{f"{layer.name}/{w.name}": 2 * np.asarray(w) for layer in model.layers for w in layer.weights})
    return path


def test_the_page_shows_each_layer_and_the_proof(zoo_command: Zoo, chain_file: Path) -> None:
    lines = zoo_command("import", chain_file, "--as", "mine").splitlines()
    assert lines[0].split() == ["LAYER", "TYPE", "SHAPE", "PARAMETERS", "FROM"]
    assert lines[1].split() == ["hidden1", "Dense", "?", "7", "63", f"{chain_file.name}:hidden1"]
    page = "\n".join(lines)
    assert "170 parameters, 100.0% of them in native Keras layers" in page
    assert "largest difference from the original, Keras" in page
    assert "preprocessing: unknown" in page and "--preprocess states it" in page
    assert lines[-2].startswith("stored as mine@") and lines[-1] == "next: zoo layers mine"
    assert "preprocessing:          unknown" in zoo_command("show", "mine")


def test_other_forms_of_output(zoo_command: Zoo, chain_file: Path) -> None:
    assert zoo_command("import", chain_file, "--as", "mine", "--dry-run", "-q").split() == ["mine"]
    assert zoo_command("list", "--source", "local", "-q") == ""
    document = zoo_command("import", chain_file, "--as", "mine", "--json")
    assert document["native_share"] == 1 and document["random"] == [] and document["preprocessing"] is None
    assert {"name", "revision", "format", "layers", "mapped", "unmapped", "max_abs_difference"} <= set(document)


def test_what_the_user_says_of_the_preprocessing_is_on_the_card(zoo_command: Zoo, chain_file: Path) -> None:
    zoo_command("import", chain_file, "--as", "mine", "--preprocess", "scale=1/4 mean=2")
    how = zoo.show("mine").card.preprocessing
    assert how is not None and (how.scale, how.offset, how.shape) == (0.25, -0.5, (8,))
    raw = np.arange(16, dtype=np.uint8).reshape(2, 8)
    np.testing.assert_allclose(zoo.predict("mine", raw), zoo.predict("mine", (raw - 2.0) / 4), rtol=1e-5)


def test_weights_go_into_an_architecture(zoo_command: Zoo, chain_file: Path, arrays_file: Path, tmp_path: Path) -> None:
    zoo_command("import", chain_file, "--as", "chain", "--preprocess", "unit")
    page = zoo_command("import", arrays_file, "--into", "chain", "--as", "doubled")
    assert "not compared" in page and "preprocessing taken from chain" in page
    twice = zoo.load("doubled").model.get_weights()
    for mine, theirs in zip(twice, zoo.load("chain").model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, 2 * theirs)
    rules = tmp_path / "swap.rules"
    rules.write_text("hidden1/(.+) = hidden1/\\1\n")
    zoo_command("import", arrays_file, "--into", "chain", "--map", rules, "--as", "again")
    lineage = zoo.show("again").card.lineage
    assert lineage is not None and (lineage.parent, lineage.plan) == (
        "arrays.npz", {"into": "chain", "map": "swap.rules"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["@arrays.npz"], "arrays.npz holds weights and no architecture", "--into keras:MobileNetV2"),
        (["@chain.keras", "--map", "x"], "--map and --allow-partial say how weights go", "--into NAME"),
        (["@arrays.npz", "--into", "tiny", "--input", "x"], "--into takes weights alone", ""),
        (["@chain.keras", "--signature", "x"], "--signature chooses nothing there", "leave it out"),
        (["@chain.keras", "--preprocess", "vgg"], "--preprocess 'vgg' cannot be read", "tf, torch, caffe"),
        (["@nothing.pt", "--into", "tiny"], "nothing.pt does not exist", "a name of zoo list"),
        (["@nothing.onnx"], "nothing.onnx does not exist", "a name of zoo list"),
        (["@arrays.npz", "--into", "keras:Mobilenet9"], "keras.applications has no 'Mobilenet9'", "MobileNet"),
        (["@arrays.npz", "--into", "tiny", "--map", "@no.rules"], "cannot read the rules", ""),
        (["@chain.keras", "--into", "tiny"], "chain.keras holds no weights alone that can be read", "these can be"),
        (["~nobody-of-this-name/x"], "~nobody-of-this-name/x is no path", ""),
    ],
)
def test_what_is_refused(
    zoo_command: Zoo, tiny: str, chain_file: Path, arrays_file: Path, words: list[str], message: str, hint: str
) -> None:
    files = {"chain.keras": chain_file, "arrays.npz": arrays_file}
    given = [str(files.get(word[1:], arrays_file.parent / word[1:])) if word[0] == "@" else word for word in words]
    zoo_command("import", *given, "--as", "new", code=1)
    assert message in zoo_command.err and hint in zoo_command.err  # type: ignore[attr-defined]
    assert zoo_command("list", "--source", "local", "-q").split() == ["tiny"]


def test_a_keras_file_is_added_byte_for_byte(
    zoo_command: Zoo, chain_file: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = zoo_command("add", chain_file, "--as", "mine")
    assert "added file:" in page and "imported: 5 layers" in page
    card = zoo.show("mine").card
    assert {file.path: file.sha256 for file in card.files}["model.keras"] == sha256_of(chain_file)
    revision = zoo.show("mine").revision
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another"))
    zoo_command("add", chain_file, "--as", "mine")
    assert zoo.show("mine").revision == revision, "two who add the same file have the same revision"


def test_other_files_are_kept_as_they_come_and_imported_later(
    zoo_command: Zoo, chain_file: Path, arrays_file: Path
) -> None:
    page = zoo_command("add", arrays_file, "--as", "arrays")
    assert page.endswith("next: zoo import arrays --as NAME\n")
    assert zoo.show("arrays").card.layers == ()
    zoo_command("import", chain_file, "--as", "chain")
    zoo_command("import", "arrays", "--into", "chain", "--as", "doubled")
    lineage = zoo.show("doubled").card.lineage
    assert lineage is not None and lineage.parent == zoo.show("arrays").ref


def test_what_cannot_be_added(zoo_command: Zoo, tmp_path: Path) -> None:
    (tmp_path / "weights.pkl").write_bytes(b"\x80\x02}.")
    (tmp_path / "notes.txt").write_text("no model")
    for name, message in (
        ("weights.pkl", "--allow-unsafe"), ("notes.txt", "no weights"), ("nothing", "there is nothing at"),
    ):  # fmt: skip
        zoo_command("add", tmp_path / name, "--as", "x", code=1)
        assert message in zoo_command.err  # type: ignore[attr-defined]
    assert zoo_command("list", "--source", "local", "-q") == ""


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
