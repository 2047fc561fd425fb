"""A model that begins with a scaling of its own: what import says of it, and what is said where images are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from registry.card import Preprocessing
from transfer.own_scaling import OwnScaling, own_scaling

Zoo = Callable[..., Any]
layers = keras.layers
UNIT = Preprocessing((8, 8, 3), scale=1 / 255)
ADVICE = "the model begins with a Rescaling of its own (rescale): --preprocess none takes raw pixels"


def net(*first: Any, shape: tuple[int, ...] = (8, 8, 3)) -> Any:
    x = tensor = keras.Input(shape, name="image")
    for layer in first:
        tensor = layer(tensor)
    hidden = layers.Dense(4, "elu", name="hidden")(layers.Flatten(name="flat")(tensor))
    return keras.Model(x, layers.Dense(3, "softmax", name="head")(hidden))


def normalization(mean: float, deviation: float, width: int = 3) -> Any:
    return layers.Normalization(mean=[mean] * width, variance=[deviation**2] * width, name="norm")


BEGINS: dict[str, tuple[Callable[[], list[Any]], tuple[str, str] | None]] = {
    "rescaling": (lambda: [layers.Rescaling(1 / 255, name="r")], ("r", "Rescaling")),
    "rescaling by channel": (lambda: [layers.Rescaling([0.01] * 3, [-1.0] * 3, name="r")], ("r", "Rescaling")),
    "a mean taken off": (lambda: [layers.Rescaling(1.0, -127.0, name="r")], ("r", "Rescaling")),
    "statistics of pixels": (lambda: [normalization(120, 60)], ("norm", "Normalization")),
    "behind what moves pixels": (
        lambda: [
            layers.RandomFlip(),
            layers.ZeroPadding2D(),
            layers.Resizing(8, 8),
            layers.Rescaling(0.5, name="block>r"),
        ],
        ("block/r", "Rescaling"),
    ),
    "for pixels of 0 to 1": (lambda: [layers.Rescaling(2.0, -1.0)], None),
    "statistics of 0 to 1": (lambda: [normalization(0.5, 0.25)], None),
    "what changes nothing": (lambda: [layers.Rescaling(1.0), normalization(0, 1)], None),
    "behind a convolution": (lambda: [layers.Conv2D(3, 3), layers.Rescaling(1 / 255)], None),
    "none": (list, None),
}


@pytest.mark.parametrize("begins", BEGINS)
def test_what_a_model_begins_with(begins: str) -> None:
    first, expected = BEGINS[begins]
    found = own_scaling(net(*first()))
    assert (found and (found.scope, found.type)) == expected


def test_numbers_that_are_no_pixels_have_any_range() -> None:
    found = own_scaling(net(normalization(0.1, 0.2, 5), shape=(5,)))
    assert found == OwnScaling("norm", "Normalization", images=False)
    assert found.advice.endswith("--preprocess none takes raw numbers")


def test_two_inputs_have_no_preprocessing_to_state() -> None:
    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, layers.Add()([layers.Rescaling(0.1)(one) for one in inputs]))
    assert own_scaling(model) is None


@pytest.fixture
def scaling(tmp_path: Path) -> Path:
    path = tmp_path / "soft.keras"
    net(layers.RandomFlip(name="flip"), layers.Rescaling(1 / 255, name="rescale")).save(path)
    return path


@pytest.mark.parametrize(
    ("stated", "note"),
    [
        ((), ADVICE),
        (("--preprocess", "none"), ""),
        (("--preprocess", "channels=bgr"), ""),
        (
            ("--preprocess", "unit"),
            f"numbers are scaled twice, by the preprocessing {UNIT.formula} first: {ADVICE}",
        ),
    ],
)
def test_import_says_what_to_state(zoo_command: Zoo, scaling: Path, stated: tuple[str, ...], note: str) -> None:
    assert zoo_command("import", scaling, "--as", "soft", *stated, "--json", "--dry-run")["notes"] == [note] * bool(
        note
    )
    page = zoo_command("import", scaling, "--as", "soft", *stated)
    assert (f"note: {note}\n" in page) if note else "note:" not in page


def test_its_images_are_taken_as_advised(zoo_command: Zoo, scaling: Path, tmp_path: Path) -> None:
    zoo_command("import", scaling, "--as", "soft", "-q")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    zoo_command("predict", "soft", "--input", tmp_path / "a.png", code=1)
    assert f"hint: {ADVICE}\n" in zoo_command.err  # type: ignore[attr-defined]
    said = zoo_command("predict", "soft", "--input", tmp_path / "a.png", "--preprocess", "none", "--json")
    expected = keras.saving.load_model(scaling).predict(pixels[np.newaxis].astype("float32"), verbose=0).max()
    assert said["predictions"][0]["probability"] == pytest.approx(float(expected), rel=1e-5)
    zoo_command("import", scaling, "--as", "soft", "--update", "--preprocess", "none", "-q")
    np.testing.assert_allclose(zoo.predict("soft", pixels[np.newaxis]).max(), expected, rtol=1e-5)


@pytest.mark.parametrize(("stated", "twice"), [("none", False), ("unit", True)])
def test_a_transfer_says_that_numbers_are_scaled_twice(
    zoo_command: Zoo, scaling: Path, tmp_path: Path, stated: str, twice: bool
) -> None:
    zoo_command("import", scaling, "--as", "soft", "-q")
    for name, colour in (("dark", 20), ("light", 200)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for row in range(8):
            Image.new("RGB", (8, 8), (colour, colour + row, colour)).save(tmp_path / "images" / name / f"{row}.png")
    words = ("--data", tmp_path / "images", "--reuse", "hidden", "--preprocess", stated, "--dry-run")
    zoo_command("transfer", "soft", *words)
    said = f"numbers are scaled twice, by the preprocessing stretch(x, 8x8, bilinear) * 0.0039215686 first: {ADVICE}"
    printed = zoo_command.out + zoo_command.err  # type: ignore[attr-defined]
    assert (said in printed) == twice and ("scaled twice" in printed) == twice
