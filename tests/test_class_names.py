"""`zoo import --classes`: the names go onto the card, and whoever predicts or evaluates uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs, chain

import zoo
from registry.errors import ZooError
from transfer.class_names import answers
from zoo.importing import Request

Zoo = Callable[..., Any]


def net(width: int, activation: str | None) -> Any:
    source = chain()
    keras.utils.set_random_seed(1)
    return keras.Model(source.inputs[0], keras.layers.Dense(width, activation, name="said")(source.outputs[0]))


@pytest.mark.parametrize(
    ("width", "activation", "names", "kind"),
    [
        (3, "softmax", "a,b,c", "class"), (3, None, "a,b,c", "class"), (1, "sigmoid", "no,yes", "class"),
        (1, None, "no,yes", "class"), (3, "sigmoid", "a,b,c", "multilabel"), (1, "sigmoid", "yes", "multilabel"),
        (1, None, "price", "number"),
    ],
)  # fmt: skip
def test_what_the_outputs_are(width: int, activation: str | None, names: str, kind: str) -> None:
    assert answers(net(width, activation), names.split(",")) == kind


def test_names_that_fit_no_model_are_refused() -> None:
    x = keras.Input((4, 4, 2))
    with pytest.raises(ZooError, match=r"--classes names the classes of one output; the model has 2"):
        answers(keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(3)(x)]), ["a", "b"])
    y = keras.Input((None, 2))
    with pytest.raises(ZooError, match=r"a fixed number of outputs; a sample's output has the shape \(\?, 3\)"):
        answers(keras.Model(y, keras.layers.Dense(3)(y)), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        ("a,b", "--classes gives 2 names; the model has 4 outputs", "name each in the order of the outputs: such as "),
        ("a", "--classes gives 1 name; the model has 4 outputs", "--classes cat,dog"),
        ("a,b,c,a", "--classes 'a,b,c,a' names the class 'a' twice", "give each another name"),
        ("a,,b,c", "--classes 'a,,b,c' has an empty name in it", "such as --classes cat,dog"),
        ("", "--classes '' has an empty name in it", "such as --classes cat,dog"),
    ],
)
def test_what_is_refused(zoo_command: Zoo, chain_file: Path, names: str, message: str, hint: str) -> None:
    zoo_command("import", chain_file, "--as", "net", "--classes", names, code=1)
    error = zoo_command.err  # type: ignore[attr-defined]
    assert f"error: {message}\n" in error and hint in error
    assert zoo_command("list", "--source", "local", "-q") == ""


def test_one_output_has_two_names(tmp_path: Path) -> None:
    net(1, None).save(tmp_path / "one.keras")
    with pytest.raises(
        ZooError, match="gives 3 names; the model has 1 output, which tells two classes apart"
    ) as caught:
        Request(str(tmp_path / "one.keras"), "one", classes=("a", "b", "c")).read()
    assert caught.value.hint.startswith("name both classes in the order of the outputs")


@pytest.mark.parametrize(("width", "names"), [(1, "no,yes"), (3, "red,green, blue")])
def test_who_predicts_and_evaluates_names_them(zoo_command: Zoo, tmp_path: Path, width: int, names: str) -> None:
    classes = tuple(name.strip() for name in names.split(","))
    net(width, None).save(tmp_path / "net.keras")
    zoo_command("import", tmp_path / "net.keras", "--as", "net", "--classes", names)
    card = zoo.show("net").card
    assert (card.classes, card.target) == (classes, "class")
    x, y = blobs(30, len(classes))
    labels = np.array(classes)[y]
    np.savez(tmp_path / "d.npz", x_test=x, y_test=labels, x_train=x, y_train=labels)
    rows = zoo_command("predict", "net", "--input", tmp_path / "d.npz", "--format", "jsonl").splitlines()
    outputs = keras.saving.load_model(tmp_path / "net.keras").predict(x, verbose=0)
    best = (outputs[:, 0] > 0).astype(int) if width == 1 else outputs.argmax(axis=1)
    assert {json.loads(row)["class"] for row in rows} == {classes[place] for place in best}
    found = zoo_command("evaluate", "net", "--data", tmp_path / "d.npz", "--json")
    assert found["accuracy"] == pytest.approx(np.mean(best == y))
    assert set(classes) <= set(zoo_command("evaluate", "net", "--data", tmp_path / "d.npz").split())


def test_what_the_user_says_comes_before_what_the_architecture_has(
    zoo_command: Zoo, chain_file: Path, tmp_path: Path
) -> None:
    zoo_command("import", chain_file, "--as", "net", "--classes", "a,b,c,d", "--preprocess", "unit")
    model = keras.saving.load_model(chain_file)
    arrays = {f"{layer.name}/{w.name}": np.asarray(w) for layer in model.layers for w in layer.weights}
    np.savez(tmp_path / "arrays.npz", **arrays)
    page = zoo_command("import", tmp_path / "arrays.npz", "--into", "net", "--as", "same")
    assert "preprocessing and classes taken from net" in page and zoo.show("same").card.classes == ("a", "b", "c", "d")
    page = zoo_command("import", tmp_path / "arrays.npz", "--into", "net", "--as", "mine", "--classes", "e,f,g,h")
    assert "preprocessing taken from net" in page and zoo.show("mine").card.classes == ("e", "f", "g", "h")
