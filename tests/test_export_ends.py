"""What `zoo export` says of a file's input and outputs: it holds the bare model, and none of its card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from registry.card import Card, Preprocessing
from registry.columns import Column
from registry.shelf import Shelf
from transfer.backbone import Backbone
from transfer.exporters.ends import said

Zoo = Callable[..., Any]
FORMATS = ("keras", "saved_model", "tflite", "onnx", "safetensors")
CARD = Card("net", "keras", "model.keras")
HOW = Preprocessing((8, 8, 3), scale=0.5, offset=-1.0, channels="bgr")
COLUMNS = (Column("age", "number", missing=True), Column("colour", "category", values=("blue", "red")))
layers = keras.layers


def net(*takes: tuple[int | None, ...], width: int = 3, activation: str | None = None) -> Any:
    inputs = [keras.Input(shape, name=f"x{number}") for number, shape in enumerate(takes)]
    pooled = [layers.GlobalAveragePooling2D()(one) if len(one.shape) == 4 else one for one in inputs]
    joined = layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    outputs = layers.Dense(width, activation, name="said")(joined)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        (
            Backbone(net((8, 8, 3)), HOW),
            ["input: prepared float32 (n, 8, 8, 3): bgr(x) * 0.5 - 1, where x is uint8, in RGB; "
             "the card's preprocessing is no part of the file"],
        ),
        (
            Backbone(net((None, None, 3)), replace(HOW, channels="", resize="crop")),
            ["input: prepared float32 (n, ?, ?, 3): crop(x, 8x8, bilinear) * 0.5 - 1, where x is uint8, in RGB; "
             "the card's preprocessing is no part of the file"],
        ),
        (
            Backbone(net((5,))),
            ["input: float32 (n, 5), prepared as for the model's training; the card does not say how"],
        ),
        (
            Backbone(net((5,)), columns=COLUMNS),
            ["input: float32 (n, 5), the 5 numbers that a row is encoded as (columns age, colour); "
             "the encoding is no part of the file"],
        ),
        (
            Backbone(net((4,), (7,)), Preprocessing((2, 2), scale=0.5)),
            ["input x0: prepared float32 (n, 4): x * 0.5, where x is uint8; "
             "the card's preprocessing is no part of the file",
             "input x1: float32 (n, 7), prepared as for the model's training; the card does not say how"],
        ),
    ],
    ids=["image", "open size", "unknown", "rows", "one of two"],
)  # fmt: skip
def test_what_goes_in(backbone: Backbone, expected: list[str]) -> None:
    assert list(said(backbone, CARD)[: len(expected)]) == expected


def test_whole_numbers_go_in_as_they_are() -> None:
    tokens, flags = keras.Input((6,), name="tokens"), keras.Input((2,), dtype="int32", name="flags")
    embedded = layers.Flatten()(layers.Embedding(9, 2)(tokens))
    model = keras.Model([tokens, flags], layers.Dense(2)(embedded))
    assert said(Backbone(model, HOW), CARD)[:2] == (
        "input tokens: float32 (n, 6), whole numbers from 0 to 8", "input flags: int32 (n, 2), whole numbers",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("width", "activation", "target", "classes", "expected"),
    [
        (3, None, "class", "a b c", "(n, 3), logits of a, b, c: softmax makes probabilities of them"),
        (3, "softmax", "", "a b c", "(n, 3), probabilities of a, b, c"),
        (7, "softmax", "", "a b c d e f g", "(n, 7), probabilities of a, b, c, d, e and 2 more"),
        (2, None, "multilabel", "a b", "(n, 2), logits of a, b: the sigmoid of each makes probabilities of them"),
        (1, None, "class", "a b", "(n, 1), a logit: its sigmoid is the probability of b against a"),
        (1, "sigmoid", "", "", "(n, 1), the probability of the second of two classes"),
        (1, None, "number", "price", "(n, 1), numbers of price as they are"),
        (4, None, "", "", "(n, 4), as the last layer gives it: no softmax or sigmoid is added"),
    ],
)
def test_what_comes_out(width: int, activation: str | None, target: str, classes: str, expected: str) -> None:
    backbone = Backbone(net((5,), width=width, activation=activation), classes=tuple(classes.split()))
    assert said(backbone, replace(CARD, target=target))[1:] == (f"output: float32 {expected}",)


def test_several_outputs_are_listed() -> None:
    model = net((5,))
    both = keras.Model(model.inputs[0], [model.outputs[0], layers.Dense(2, name="more")(model.outputs[0])])
    assert said(Backbone(both), CARD)[1] == (
        "outputs: said float32 (n, 3); more float32 (n, 2), as the model's last layers give them: "
        "no softmax or sigmoid is added"
    )


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_says_it(zoo_command: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    net((8, 8, 3)).save("mine.keras")
    zoo_command("import", "mine.keras", "--as", "net", "--preprocess", "unit", "--classes", "a,b,c")
    notes = [
        "input: prepared float32 (n, 8, 8, 3): x * 0.0039215686, where x is uint8, in RGB; "
        "the card's preprocessing is no part of the file",
        "output: float32 (n, 3), logits of a, b, c: softmax makes probabilities of them",
        "raw samples go into the model.keras that zoo publish net --to DIR/NAME writes",
    ]
    assert zoo_command("export", "net", "--to", to, "--dry-run", "--json")["notes"][-3:] == notes
    page = zoo_command("export", "net", "--to", to, "--dry-run")
    assert [line for line in page.splitlines() if line.startswith("note: ")][-3:] == [f"note: {one}" for one in notes]


def test_what_is_said_of_the_files_is_so(zoo_command: Zoo, tmp_path: Path) -> None:
    net((8, 8, 3)).save(tmp_path / "net.keras")
    zoo_command("import", tmp_path / "net.keras", "--as", "net", "--preprocess", "unit", "--classes", "a,b,c")
    zoo_command("export", "net", "--to", "keras", "--output", tmp_path / "bare.keras")
    zoo_command("publish", "net", "--to", f"{tmp_path}/shelf/net")
    (raw,) = (tmp_path / "shelf" / "net").rglob("model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    logits = keras.saving.load_model(tmp_path / "bare.keras")(pixels.astype("float32") * np.float32(0.0039215686))
    np.testing.assert_allclose(logits, keras.saving.load_model(raw)(pixels), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits, zoo.predict("net", pixels), rtol=1e-5, atol=1e-6)
    assert raw.read_bytes() == (Shelf().folder(zoo.show("net")) / "model.keras").read_bytes()
