"""A net that compares two samples, one of whose towers is reused for single ones; and the one that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs

import zoo
from registry.shelf import Shelf
from registry.spot import Spot
from zoo.opening import open_model

Zoo = Callable[..., Any]
FOLDER = Path(__file__).parents[1] / "models" / "mnist-pairs"
QUICK = ("--epochs", "6", "--batch-size", "16", "--lr", "0.02", "--dropout", "0")
TOWER = "dnn_a/hidden[12]"


def compare() -> Any:
    """Two towers `dnn_a/hidden1` … above `X_a` and `X_b`, eight numbers each, joined under a sigmoid."""
    import keras

    inputs = [keras.Input((8,), name=f"X_{side}") for side in "ab"]
    ends = []
    for side, tensor in zip("ab", inputs, strict=True):
        for number in (1, 2, 3):
            init = keras.initializers.HeNormal(number)
            name = f"dnn_{side}>hidden{number}"
            tensor = keras.layers.Dense(7 - number, "elu", name=name, kernel_initializer=init)(tensor)
        ends.append(tensor)
    joined = keras.layers.Dense(3, "elu", name="joined")(keras.layers.Concatenate(name="pair")(ends))
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="outputs")(joined))


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    """The net in this test's catalogue."""
    from transfer.backbone import functional
    from transfer.draft import draft
    from transfer.samples import random_inputs

    folder = tmp_path / "pairs"
    folder.mkdir()
    model = functional(compare())
    Shelf().publish(draft(model, folder / "model.keras", random_inputs(model)), folder, Spot("pairs"))
    return "pairs"


def both(data_file: Path, path: Path, *names: str) -> Path:
    """Write the data as one array for each of some inputs."""
    held = dict(np.load(data_file))
    parts = {f"{key}.{name}": held[key] for key in held if key.startswith("x_") for name in names}
    np.savez(path, **parts, **{key: held[key] for key in held if key.startswith("y_")})
    return path


def layer_names(ref: str) -> list[str]:
    return [layer.name for layer in Shelf().find(ref).card.layers]


def test_one_tower_through_every_command(zoo_command: Zoo, pairs: str, data_file: Path, tmp_path: Path) -> None:
    document = zoo_command(
        "transfer", pairs, "--reuse", TOWER, "--data", data_file, *QUICK, "--publish-as", "mine", "--json"
    )
    assert document["cut"] == ["dnn_a/hidden2"]
    tower = ["X_a", "dnn_a/hidden1", "dnn_a/hidden2", "dnn_a/hidden3", "outputs"]
    assert layer_names("mine") == tower, "hidden3 is made anew, and ten new outputs stand on it"
    assert document["scratch"]["phases"][0]["train"] == tower[1:], "the control has the same architecture"
    card = zoo_command("show", "mine", "--json")
    assert [spec["name"] for spec in card["inputs"]] == ["X_a"]
    assert zoo_command("evaluate", "mine", "--data", data_file, "--json")["accuracy"] == document["accuracy"]
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"
    x = blobs(5)[0]
    np.save(tmp_path / "x.npy", x)
    predicted = zoo_command("predict", "mine", "--input", tmp_path / "x.npy", "--json")
    assert np.allclose(predicted["outputs"], zoo.load("mine").model(x), atol=1e-5)


def test_the_model_opens_in_plain_keras(zoo_command: Zoo, pairs: str, data_file: Path, tmp_path: Path) -> None:
    import keras

    zoo_command("transfer", pairs, "--reuse", TOWER, "--data", data_file, *QUICK, "--publish-as", "mine", "-q")
    shelf = Shelf()
    model = shelf.find("mine")
    plain = keras.models.load_model(shelf.folder(model) / model.card.weights)
    x = blobs(5)[0]
    assert np.allclose(plain(x), zoo.load("mine").model(x), atol=1e-6)


def test_what_is_left_out_is_said_and_the_plan_repeats_it(zoo_command: Zoo, pairs: str, data_file: Path) -> None:
    choices = ("transfer", pairs, "--reuse", TOWER, "--data", data_file, *QUICK)
    page = zoo_command(*choices, "--dry-run")
    said = "the data do not feed all inputs: what reads the others is left out, as by --drop 'X_b'"
    assert said in page
    assert "cut after dnn_a/hidden2\n" in page
    plan = zoo_command(*choices, "--dry-run", "--json")
    assert (plan["plan"]["top"]["drop"], plan["cut"]) == ("X_b", ["dnn_a/hidden2"])
    first = zoo_command(*choices, "--json")
    again = zoo_command(*choices, "--drop", "X_b", "--json")
    assert again["test_accuracy"] == first["test_accuracy"]
    assert said not in zoo_command(*choices, "--drop", "X_b", "--dry-run")
    assert "the same to the last bit" in zoo_command("replay", first["run"])


def test_the_other_tower_and_new_hidden_layers(zoo_command: Zoo, pairs: str, data_file: Path) -> None:
    choices = ("--data", data_file, *QUICK, "--unfreeze", "none", "-q", "--publish-as")
    zoo_command("transfer", pairs, "--reuse", "dnn_b/hidden[12]", *choices, "other")
    assert layer_names("other") == ["X_b", "dnn_b/hidden1", "dnn_b/hidden2", "dnn_b/hidden3", "outputs"]
    source, made = zoo.load(pairs).model, zoo.load("other").model
    for layer in ("dnn_b>hidden1", "dnn_b>hidden2"):
        kept = zip(source.get_layer(layer).get_weights(), made.get_layer(layer).get_weights(), strict=True)
        assert all(np.array_equal(old, new) for old, new in kept)
    zoo_command("transfer", pairs, "--reuse", TOWER, "--top", "5", *choices, "topped")
    assert layer_names("topped") == ["X_a", "dnn_a/hidden1", "dnn_a/hidden2", "top1", "outputs"]
    zoo_command("transfer", pairs, "--reuse", "dnn_a/hidden1", "--drop", "dnn_a/hidden3", *choices, "low")
    assert layer_names("low") == ["X_a", "dnn_a/hidden1", "dnn_a/hidden2", "outputs"]


def test_pairs_still_feed_both_towers(zoo_command: Zoo, pairs: str, data_file: Path, tmp_path: Path) -> None:
    quick = ("--unfreeze", "none", *QUICK, "-q", "--publish-as")
    data = both(data_file, tmp_path / "both.npz", "X_a", "X_b")
    zoo_command("transfer", pairs, "--reuse", TOWER, "--data", data, *quick, "two")
    assert {"X_a", "X_b", "dnn_b/hidden3", "joined"} <= set(layer_names("two"))
    data = both(data_file, tmp_path / "one.npz", "X_a")
    zoo_command("transfer", pairs, "--reuse", TOWER, "--data", data, *quick, "one")
    assert "dnn_b/hidden1" not in layer_names("one")


def test_what_cannot_be_fed_says_what_can(zoo_command: Zoo, pairs: str, data_file: Path, tmp_path: Path) -> None:
    choices = ("transfer", pairs, *QUICK, "--reuse")
    zoo_command(*choices, "dnn_a/.*|dnn_b/.*", "--data", data_file, code=1)
    assert f"error: the reused layers read 2 inputs, X_a, X_b; {data_file} have one array for all\n" in zoo_command.err
    assert "hint: zoo transfer --reuse 'dnn_a' reads X_a alone; or give each its own array" in zoo_command.err
    zoo_command(*choices, "dnn_b/.*", "--data", both(data_file, tmp_path / "one.npz", "X_a"), code=1)
    assert "have no array for the input X_b; they have X_a" in zoo_command.err
    zoo_command(*choices, TOWER, "--data", data_file, "--unfreeze", "dnn_b/hidden1", code=1)
    assert "dnn_b/hidden1" in zoo_command.err
    zoo_command("evaluate", pairs, "--data", data_file, code=1)
    assert "are one array; the model has 2 inputs: X_a (8) float32, X_b (8) float32" in zoo_command.err


def test_the_shipped_model_computes_its_stored_outputs() -> None:
    shelf = Shelf()
    model = shelf.find("mnist-pairs")
    backbone = open_model(shelf, model)
    assert backbone.layers == model.card.layers
    assert [(one.name, one.shape) for one in backbone.inputs] == [("X_a", (784,)), ("X_b", (784,))]
    stored = np.load(FOLDER / "test.npz")
    same = np.asarray(backbone.model([stored["inputs.X_a"], stored["inputs.X_b"]]))
    assert np.allclose(same, stored["outputs"], atol=1e-4)
    assert ((same > 0.5)[:, 0] == (np.arange(16) % 2 == 0)).mean() > 0.9, "every other pair is one digit twice"


def test_the_shipped_task() -> None:
    assert sum(file.bytes for file in Shelf().find("mnist-pairs").card.files) < 4_000_000
    data = np.load(FOLDER / "digits.npz")
    assert [len(data[f"y_{part}"]) for part in ("train", "valid", "test")] == [4500, 500, 10000]
    assert set(data["y_train"].tolist()) == set(range(10))
    assert (data["x_test"].shape, data["x_test"].dtype) == ((10000, 28, 28), np.uint8)


def test_the_textbooks_second_exercise(zoo_command: Zoo) -> None:
    quick = ("--unfreeze", "none", "--no-compare-scratch")
    document = zoo_command("transfer", "mnist-pairs", "--reuse", "dnn_a/hidden[12345]", *quick, "--json")
    assert document["cut"] == ["dnn_a/hidden5"]
    assert document["test_accuracy"] > 0.98
