"""What a model's outputs say, whatever it ends in: against Keras's losses and metrics, and by the commands."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs, chain

from transfer.data.target import Target
from transfer.evaluate import scored
from transfer.logits import gives_probabilities, likely_kind, logits, probabilities
from zoo import api

Zoo = Callable[..., Any]
X, _ = blobs(60)
DRAWN = np.random.default_rng(0)
ONE, SEVERAL = DRAWN.integers(0, 2, 60), DRAWN.integers(0, 2, (60, 3)).astype(np.float32)
THREE = DRAWN.integers(0, 3, 60)
CLASS, LABELS, NUMBERS = ("class", "multilabel", "number")
PARTS = ("train", "valid", "test")


def above(source: Any, *layers: Any) -> Any:
    tensor = source.outputs[0]
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(source.inputs[0], tensor)


def net(width: int, activation: str | None) -> Any:
    keras.utils.set_random_seed(1)
    return above(chain(), keras.layers.Dense(width, activation, name="said"))


# What a model ends in; the labels; and what Keras calls the loss and the figure.
ENDS = {
    "softmax": (3, "softmax", CLASS, THREE, "sparse_categorical_crossentropy", "accuracy"),
    "logits": (3, None, CLASS, THREE, keras.losses.SparseCategoricalCrossentropy(from_logits=True), "accuracy"),
    "one sigmoid": (1, "sigmoid", CLASS, ONE, "binary_crossentropy", "accuracy"),
    "one logit": (
        1, None, CLASS, ONE, keras.losses.BinaryCrossentropy(from_logits=True),
        keras.metrics.BinaryAccuracy(threshold=0.0),
    ),
    "sigmoids": (3, "sigmoid", LABELS, SEVERAL, "binary_crossentropy", "binary_accuracy"),
    "logits of labels": (
        3, None, LABELS, SEVERAL, keras.losses.BinaryCrossentropy(from_logits=True),
        keras.metrics.BinaryAccuracy(threshold=0.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_score_is_what_keras_evaluates(end: str, zoo_command: Zoo, zoo_home: Path, tmp_path: Path) -> None:
    width, activation, kind, y, loss, metric = ENDS[end]
    model = net(width, activation)
    model.compile(loss=loss, metrics=[metric])
    expected = model.evaluate(X, y, verbose=0)
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", **{f"x_{part}": X for part in PARTS}, **{f"y_{part}": y for part in PARTS})
    zoo_command("import", str(tmp_path / "m.keras"), "--as", "m")
    found = api.evaluate("m", str(tmp_path / "d.npz"), target_type=kind).score
    assert (found.loss, found.accuracy) == pytest.approx(expected, abs=1e-5)


def test_probabilities_of_0_and_1_cost_what_they_do_in_keras() -> None:
    sure = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    expected = keras.losses.sparse_categorical_crossentropy(np.array([1, 1]), sure).numpy()
    found = scored(logits(sure, CLASS, squashed=True), np.array([1, 1]), Target(CLASS, ("a", "b", "c")))
    assert found.loss == pytest.approx(float(expected.mean()), rel=1e-5)
    both = keras.losses.binary_crossentropy(np.array([[1.0, 1.0, 0.0]]), sure[:1]).numpy()
    labels = scored(
        logits(sure[:1], LABELS, squashed=True), np.array([[1, 1, 0]], np.float32), Target(LABELS, ("a", "b", "c"))
    )
    assert labels.loss == pytest.approx(float(both.mean()), rel=1e-3)


def test_numbers_are_left_alone_and_one_output_is_two_classes() -> None:
    column = np.array([[0.25], [0.75]], np.float32)
    assert logits(column, NUMBERS, squashed=True) is column
    assert logits(column, CLASS, squashed=False).tolist() == [[0, 0.25], [0, 0.75]]
    assert logits(column, CLASS, squashed=True) == pytest.approx(np.array([[0, -np.log(3)], [0, np.log(3)]]), abs=1e-6)
    assert probabilities(column, CLASS, squashed=True).tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert probabilities(column, LABELS, squashed=True).tolist() == column.tolist()
    assert probabilities(np.array([[1e4]], np.float32), CLASS, squashed=False).tolist() == [[0, 1]]


@pytest.mark.parametrize("squashed", [False, True])
@pytest.mark.parametrize(("kind", "width"), [(CLASS, 1), (CLASS, 4), (LABELS, 4), (LABELS, 1)])
def test_logits_and_probabilities_say_the_same(kind: str, width: int, squashed: bool) -> None:
    given = DRAWN.normal(size=(20, width)).astype(np.float32)
    if squashed:
        given = (keras.ops.softmax if (kind, width) == (CLASS, 4) else keras.ops.sigmoid)(given).numpy()
    shares = probabilities(given, kind, squashed=squashed)
    back = probabilities(logits(given, kind, squashed=squashed), kind, squashed=False)
    assert back == pytest.approx(shares, abs=1e-6)


def test_a_model_of_no_known_labels_is_read_by_its_end() -> None:
    kinds = {end: likely_kind(net(width, activation)) for end, (width, activation, *_) in ENDS.items()}
    assert kinds == {
        "softmax": CLASS, "logits": CLASS, "one sigmoid": CLASS, "one logit": NUMBERS, "sigmoids": LABELS,
        "logits of labels": CLASS,
    }  # fmt: skip


def test_predictions_of_one_output(zoo_command: Zoo, zoo_home: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    for name, activation in (("yes", "sigmoid"), ("much", None)):
        net(1, activation).save(tmp_path / f"{name}.keras")
        zoo_command("import", str(tmp_path / f"{name}.keras"), "--as", name)
    shares = net(1, "sigmoid").predict(X, verbose=0)[:, 0]
    text = zoo_command("predict", "yes", "--input", str(tmp_path / "x.npy"), "--format", "csv")
    assert text.startswith("sample,class,probability,class1,probability1,class2,probability2\n")
    for (_, name, probability, *_), share in zip(list(csv.reader(text.splitlines()))[1:], shares, strict=True):
        assert name == str(int(share > 0.5))
        assert float(probability) == pytest.approx(max(share, 1 - share), abs=2e-6)
    text = zoo_command("predict", "much", "--input", str(tmp_path / "x.npy"), "--format", "csv")
    assert text.startswith("sample,value\n")
    assert [float(value) for _, value in list(csv.reader(text.splitlines()))[1:]] == pytest.approx(
        net(1, None).predict(X, verbose=0)[:, 0].tolist(), abs=1e-5
    )


def test_which_models_give_probabilities() -> None:
    layers, source = keras.layers, chain()
    assert not gives_probabilities(source)
    assert not gives_probabilities(above(source, layers.Softmax(), layers.Dense(3)))
    assert not gives_probabilities(above(source, layers.Rescaling(2.0)))
    assert not gives_probabilities(above(source, layers.Softmax(), layers.Rescaling(2.0)))
    for last in (
        layers.Softmax(),
        layers.Activation("softmax"),
        layers.Dense(3, "softmax"),
        layers.Dense(3, "sigmoid"),
    ):
        assert gives_probabilities(above(source, last))
        assert gives_probabilities(above(source, last, layers.Reshape((-1, 1)), layers.Flatten(), layers.Dropout(0.1)))
